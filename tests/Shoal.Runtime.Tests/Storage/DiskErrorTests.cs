using System.Diagnostics;
using Shoal.Protocol;
using Shoal.Runtime.Storage;

namespace Shoal.Runtime.Tests.Storage;

public class DiskErrorTests
{
    private const int PieceLength = 64 * 1024;

    [Fact]
    public void A_full_disk_is_reported_keeps_what_was_there_and_works_again_once_there_is_room()
    {
        using var folder = new TempFolder();
        Directory.CreateDirectory(folder["small"]);
        Assert.SkipUnless(
            OperatingSystem.IsLinux() && Run("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder["small"]),
            "a disk can be filled only where a tmpfs may be mounted (root)");
        try
        {
            File.WriteAllBytes(folder["small/ballast"], new byte[256 * 1024]);
            var files = Content.Files(("root/a", 4 * PieceLength + 5), ("root/b", 20 * PieceLength));
            using var store = PieceStore.Open(files, Content.Layout(files, PieceLength), folder["small"], readOnly: false);
            var written = 0;
            var error = Assert.Throws<StorageException>(() =>
            {
                while (written < 24)
                {
                    store.Write(new PieceIndex(written), 0, Content.Bytes(written, PieceLength));
                    written++;
                }
            });
            Assert.Equal(StorageErrorKind.DiskFull, error.Kind);
            Assert.Equal($"cannot write '{folder["small/root/b"]}': the disk is full", error.Message);
            Assert.True(written > 4);
            store.Sync();
            File.Delete(folder["small/ballast"]);
            store.Write(new PieceIndex(written), 0, Content.Bytes(written, PieceLength));
            var read = new byte[PieceLength];
            for (var i = 0; i <= written; i++)
            {
                store.Read(new PieceIndex(i), 0, read);
                Assert.Equal(Content.Bytes(i, PieceLength), read);
            }
        }
        finally
        {
            Assert.True(Run("umount", folder["small"]));
        }
    }

    [Fact]
    public void A_read_only_file_system_is_permission_denied()
    {
        using var folder = new TempFolder();
        Directory.CreateDirectory(folder["fixed"]);
        Assert.SkipUnless(
            OperatingSystem.IsLinux() && Run("mount", "-t", "tmpfs", "-o", "ro,size=1m", "tmpfs", folder["fixed"]),
            "a read-only file system can be had only where a tmpfs may be mounted (root)");
        try
        {
            var files = Content.Files(("sub/a", 8));
            using var store = PieceStore.Open(files, Content.Layout(files, 8), folder["fixed"], readOnly: false);
            var error = Assert.Throws<StorageException>(() => store.Write(new PieceIndex(0), 0, new byte[8]));
            Assert.Equal(StorageErrorKind.PermissionDenied, error.Kind);
            Assert.Contains(folder["fixed/sub"], error.Message, StringComparison.Ordinal);
        }
        finally
        {
            Assert.True(Run("umount", folder["fixed"]));
        }
    }

    [Fact]
    public void A_forbidden_folder_is_permission_denied()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows() || Environment.IsPrivilegedProcess, "root may write everywhere");
        using var folder = new TempFolder();
#pragma warning disable CA1416
        Directory.CreateDirectory(folder["shut"], UnixFileMode.UserRead | UnixFileMode.UserExecute);
#pragma warning restore CA1416
        var files = Content.Files(("a", 8));
        using var store = PieceStore.Open(files, Content.Layout(files, 8), folder["shut"], readOnly: false);
        Assert.Equal(StorageErrorKind.PermissionDenied, Assert.Throws<StorageException>(() => store.Write(new PieceIndex(0), 0, new byte[8])).Kind);
    }

    private static bool Run(string program, params string[] arguments)
    {
        try
        {
            using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true, UseShellExecute = false })!;
            process.StandardError.ReadToEnd();
            process.WaitForExit();
            return process.ExitCode == 0;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false;
        }
    }
}
