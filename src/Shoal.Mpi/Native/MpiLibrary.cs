using System.Runtime.InteropServices;

namespace Shoal.Mpi.Native;

/// <summary>
/// Finds the MPI library to run under. In this order: what <c>SHOAL_MPI</c> says (openmpi, mpich or a path); the standard
/// ABI's library, where there is one; the family whose launcher started us; the only family installed.
/// </summary>
internal static partial class MpiLibrary
{
    private const string StandardName = "libmpi_abi.so.0";

    // Several names for a family: the version of the soname moves with the releases.
    private static readonly string[] OpenMpiNames = ["libmpi.so.40", "libmpi.so.80"];
    private static readonly string[] MpichNames = ["libmpich.so.12", "libmpi.so.12"];

    /// <summary>Variables that only one family's launcher sets. PMI_RANK and PMIX_RANK are no such: srun sets them for both.</summary>
    private static readonly (string Variable, MpiFamily Family)[] Marks =
    [
        ("OMPI_COMM_WORLD_SIZE", MpiFamily.OpenMpi),
        ("HYDI_CONTROL_FD", MpiFamily.Mpich),
        ("MPI_LOCALNRANKS", MpiFamily.Mpich),
    ];

    /// <summary>Loads the library.</summary>
    /// <param name="variable">Reads an environment variable; null if it is not set.</param>
    /// <exception cref="MpiException">None is installed, several are and nothing tells which, or the one named cannot be loaded.</exception>
    public static (nint Handle, MpiFamily Family) Load(Func<string, string?> variable)
    {
        var wish = variable("SHOAL_MPI");
        if (!string.IsNullOrEmpty(wish))
        {
            return LoadWished(wish);
        }

        if (TryOpen(StandardName, out var standard))
        {
            return (standard, MpiFamily.Standard);
        }

        foreach (var (name, family) in Marks)
        {
            if (variable(name) is not null && TryOpenAny(NamesOf(family), out var handle))
            {
                return (handle, family);
            }
        }

        return LoadOnlyOne();
    }

    private static (nint Handle, MpiFamily Family) LoadWished(string wish)
    {
        switch (wish)
        {
            case "openmpi":
                return TryOpenAny(OpenMpiNames, out var openMpi)
                    ? (openMpi, MpiFamily.OpenMpi)
                    : throw new MpiException($"SHOAL_MPI=openmpi, but Open MPI cannot be loaded: {LastError()}");
            case "mpich":
                return TryOpenAny(MpichNames, out var mpich)
                    ? (mpich, MpiFamily.Mpich)
                    : throw new MpiException($"SHOAL_MPI=mpich, but MPICH cannot be loaded: {LastError()}");
            default:
                return TryOpen(wish, out var handle)
                    ? (handle, FamilyOf(wish, handle))
                    : throw new MpiException($"SHOAL_MPI={wish} is neither 'openmpi' nor 'mpich' nor a library that can be loaded: {LastError()}");
        }
    }

    private static (nint Handle, MpiFamily Family) LoadOnlyOne()
    {
        // Looked at before anything is loaded: two MPI libraries in one process would answer for each other.
        var hasOpenMpi = OpenMpiNames.Any(IsInstalled);
        var hasMpich = MpichNames.Any(IsInstalled);
        if (hasOpenMpi && hasMpich)
        {
            throw new MpiException(
                "both Open MPI and MPICH are installed, and nothing tells which one started this job: set SHOAL_MPI=openmpi or SHOAL_MPI=mpich");
        }

        if (hasOpenMpi && TryOpenAny(OpenMpiNames, out var openMpi))
        {
            return (openMpi, MpiFamily.OpenMpi);
        }

        if (TryOpenAny(MpichNames, out var mpich))
        {
            return (mpich, MpiFamily.Mpich);
        }

        throw new MpiException(
            "no MPI library is installed (looked for Open MPI and MPICH); on Debian: apt install openmpi-bin, or mpich; or name one with SHOAL_MPI=PATH");
    }

    private static string[] NamesOf(MpiFamily family) => family == MpiFamily.OpenMpi ? OpenMpiNames : MpichNames;

    private static MpiFamily FamilyOf(string path, nint handle) =>
        Path.GetFileName(path).StartsWith("libmpi_abi.", StringComparison.Ordinal) ? MpiFamily.Standard
        : NativeLibrary.TryGetExport(handle, "ompi_mpi_comm_world", out _) ? MpiFamily.OpenMpi
        : MpiFamily.Mpich;

    private static bool TryOpenAny(string[] names, out nint handle)
    {
        handle = 0;
        foreach (var name in names)
        {
            if (TryOpen(name, out handle))
            {
                return true;
            }
        }

        return false;
    }

    private static bool IsInstalled(string name)
    {
        const int Lazy = 1;
        var handle = Open(name, Lazy);
        if (handle == 0)
        {
            return false;
        }

        _ = Close(handle);
        return true;
    }

    // Open MPI's own plugins look its symbols up in the process: without RTLD_GLOBAL they find none.
    private static bool TryOpen(string name, out nint handle)
    {
        const int Now = 2;
        const int Global = 0x100;
        _ = Error(); // to find it later, at its first call, would clear what it has to tell
        handle = Open(name, Now | Global);
        return handle != 0;
    }

    private static string LastError() => Marshal.PtrToStringUTF8(Error()) ?? "no reason was given";

    [LibraryImport("libc.so.6", EntryPoint = "dlopen", StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint Open(string name, int flags);

    [LibraryImport("libc.so.6", EntryPoint = "dlclose")]
    private static partial int Close(nint handle);

    [LibraryImport("libc.so.6", EntryPoint = "dlerror")]
    private static partial nint Error();
}
