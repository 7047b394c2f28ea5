using System.Runtime.InteropServices;

namespace Shoal.Mpi.Native;

/// <summary>Which family of MPI libraries; they differ in how handles and statuses are laid out.</summary>
public enum MpiFamily : byte
{
    /// <summary>Open MPI 4 and 5: handles are addresses of the library's own objects.</summary>
    OpenMpi,

    /// <summary>MPICH 3 and 4 and what derives from it: handles are 32-bit numbers.</summary>
    Mpich,

    /// <summary>The standard ABI of MPI 5: handles are small numbers, as wide as an address.</summary>
    Standard,
}

/// <summary>
/// What a family's mpi.h fixes at compile time, and we choose at run time: the predefined handles, the special values,
/// and where things lie in an MPI_Status. From the headers of Open MPI 4.1 and MPICH 4.0, and chapter 20 of MPI 5.0.
/// </summary>
internal sealed record MpiAbi
{
    public required MpiFamily Family { get; init; }

    /// <summary>Bytes of a handle in memory. As an argument each is passed as wide as an address: the callee looks at its part.</summary>
    public required int HandleSize { get; init; }

    public required nint World { get; init; }

    public required nint Byte { get; init; }

    public required nint Int { get; init; }

    public required nint Max { get; init; }

    public required nint ErrorsReturn { get; init; }

    public required nint InfoNull { get; init; }

    public required nint RequestNull { get; init; }

    public required int AnySource { get; init; }

    public required int AnyTag { get; init; }

    public required int CommTypeShared { get; init; }

    public required int ThreadMultiple { get; init; }

    /// <summary>Bytes of an MPI_Status, and of its parts from its beginning.</summary>
    public required int StatusSize { get; init; }

    public required int StatusSource { get; init; }

    public required int StatusTag { get; init; }

    public required int StatusError { get; init; }

    /// <summary>The ABI of a loaded library.</summary>
    public static MpiAbi Of(MpiFamily family, nint library) => family switch
    {
        MpiFamily.OpenMpi => OpenMpi(library),
        MpiFamily.Mpich => Mpich,
        _ => Standard,
    };

    private static MpiAbi OpenMpi(nint library) => new()
    {
        Family = MpiFamily.OpenMpi,
        HandleSize = nint.Size,
        World = NativeLibrary.GetExport(library, "ompi_mpi_comm_world"),
        Byte = NativeLibrary.GetExport(library, "ompi_mpi_byte"),
        Int = NativeLibrary.GetExport(library, "ompi_mpi_int"),
        Max = NativeLibrary.GetExport(library, "ompi_mpi_op_max"),
        ErrorsReturn = NativeLibrary.GetExport(library, "ompi_mpi_errors_return"),
        InfoNull = NativeLibrary.GetExport(library, "ompi_mpi_info_null"),
        RequestNull = NativeLibrary.GetExport(library, "ompi_request_null"),
        AnySource = -1,
        AnyTag = -1,
        CommTypeShared = 0,
        ThreadMultiple = 3,
        StatusSize = 24,
        StatusSource = 0,
        StatusTag = 4,
        StatusError = 8,
    };

    private static MpiAbi Mpich { get; } = new()
    {
        Family = MpiFamily.Mpich,
        HandleSize = sizeof(int),
        World = 0x44000000,
        Byte = 0x4c00010d,
        Int = 0x4c000405,
        Max = 0x58000001,
        ErrorsReturn = 0x54000001,
        InfoNull = 0x1c000000,
        RequestNull = 0x2c000000,
        AnySource = -2,
        AnyTag = -1,
        CommTypeShared = 1,
        ThreadMultiple = 3,
        StatusSize = 20,
        StatusSource = 8,
        StatusTag = 12,
        StatusError = 16,
    };

    private static MpiAbi Standard { get; } = new()
    {
        Family = MpiFamily.Standard,
        HandleSize = nint.Size,
        World = 0x101,
        Byte = 0x247,
        Int = 0x209,
        Max = 0x23,
        ErrorsReturn = 0x143,
        InfoNull = 0x130,
        RequestNull = 0x180,
        AnySource = -1,
        AnyTag = -2,
        CommTypeShared = 221,
        ThreadMultiple = 4096,
        StatusSize = 32,
        StatusSource = 0,
        StatusTag = 4,
        StatusError = 8,
    };
}
