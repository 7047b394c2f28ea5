using System.Diagnostics;
using Shoal.Protocol;
using Shoal.Protocol.Metadata;
using Shoal.Runtime.Storage;

namespace Shoal.Runtime.Tests.Storage;

public class UnsafePathTests
{
    private static PieceStore Open(TempFolder folder, string path, bool readOnly)
    {
        var files = Content.Files((path, 8));
        return PieceStore.Open(files, Content.Layout(files, 8), folder["root"], readOnly);
    }

    [Theory]
    [InlineData("link")]
    [InlineData("link/file")]
    [InlineData("a/link/file")]
    public void Nothing_is_written_through_a_link(string path)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "links need rights on Windows");
        using var folder = new TempFolder();
        Directory.CreateDirectory(folder["root/a"]);
        Directory.CreateDirectory(folder["outside"]);
        File.WriteAllText(folder["outside/file"], "precious");
        Directory.CreateSymbolicLink(folder["root/a/link"], folder["outside"]);
        File.CreateSymbolicLink(folder["root/link"], path == "link" ? folder["outside/file"] : folder["outside"]);
        using var store = Open(folder, path, readOnly: false);
        var error = Assert.Throws<StorageException>(() => store.Write(new PieceIndex(0), 0, "overrun!"u8));
        Assert.Equal(StorageErrorKind.UnsafePath, error.Kind);
        Assert.Equal("precious", File.ReadAllText(folder["outside/file"]));
    }

    [Fact]
    public void A_torrent_goes_into_a_folder_of_its_name_unless_that_is_a_link_that_leads_away()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "links need rights on Windows");
        using var folder = new TempFolder();
        var builder = new MetainfoBuilder
        {
            Name = "holiday", IsFolder = true, Files = [new NewFile("day 1/beach", 8)], PieceLength = 16, PieceHashes = new byte[20],
        };
        Assert.True(builder.TryBuild(out var metainfo, out var wrong), wrong);
        Directory.CreateDirectory(folder["to"]);
        Directory.CreateSymbolicLink(folder["to/holiday"], folder.Path);
        using var store = PieceStore.Open(metainfo, folder["to"], readOnly: false);
        Assert.Equal(StorageErrorKind.UnsafePath, Assert.Throws<StorageException>(() => store.Write(new PieceIndex(0), 0, "overrun!"u8)).Kind);
        File.Delete(folder["to/holiday"]);
        store.Write(new PieceIndex(0), 0, "overrun!"u8);
        Assert.Equal("overrun!", File.ReadAllText(folder["to/holiday/day 1/beach"]));
    }

    [Fact]
    public void A_dangling_link_creates_nothing_outside()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "links need rights on Windows");
        using var folder = new TempFolder();
        Directory.CreateDirectory(folder["root"]);
        File.CreateSymbolicLink(folder["root/file"], folder["created"]);
        using var store = Open(folder, "file", readOnly: false);
        Assert.Equal(StorageErrorKind.UnsafePath, Assert.Throws<StorageException>(() => store.Write(new PieceIndex(0), 0, "overrun!"u8)).Kind);
        Assert.False(File.Exists(folder["created"]));
    }

    [Fact]
    public void A_link_within_the_root_is_read_and_one_that_leaves_it_is_not()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "links need rights on Windows");
        using var folder = new TempFolder();
        Directory.CreateDirectory(folder["root/real"]);
        File.WriteAllText(folder["root/real/file"], "contents");
        File.WriteAllText(folder["secret"], "secret!!");
        Directory.CreateSymbolicLink(folder["root/way"], "real");
        File.CreateSymbolicLink(folder["root/inside"], folder["root/way/file"]);
        File.CreateSymbolicLink(folder["root/outside"], "../secret");
        File.CreateSymbolicLink(folder["root/loop"], "loop");
        var buffer = new byte[8];
        using (var store = Open(folder, "inside", readOnly: true))
        {
            store.Read(new PieceIndex(0), 0, buffer);
            Assert.Equal("contents"u8, buffer);
        }

        foreach (var unsafeName in (string[])["outside", "loop"])
        {
            using var store = Open(folder, unsafeName, readOnly: true);
            Assert.Equal(StorageErrorKind.UnsafePath, store.ReadErrors[0].Kind);
            Assert.Equal(StorageErrorKind.UnsafePath, Assert.Throws<StorageException>(() => store.Read(new PieceIndex(0), 0, buffer)).Kind);
        }
    }

    [Fact]
    public async Task A_pipe_in_the_place_of_a_file_does_not_hang()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "mkfifo");
        using var folder = new TempFolder();
        Directory.CreateDirectory(folder["root"]);
        using (var make = Process.Start("mkfifo", [folder["root/file"]]))
        {
            await make.WaitForExitAsync(TestContext.Current.CancellationToken);
        }

        using var reader = Open(folder, "file", readOnly: true);
        Assert.Equal(StorageErrorKind.UnsafePath, reader.ReadErrors[0].Kind);
        using var store = Open(folder, "file", readOnly: false);
        Assert.Equal(StorageErrorKind.UnsafePath, Assert.Throws<StorageException>(() => store.Write(new PieceIndex(0), 0, "overrun!"u8)).Kind);
    }

    [Fact]
    public void A_folder_in_the_place_of_a_file_is_an_error_that_names_it()
    {
        using var folder = new TempFolder();
        Directory.CreateDirectory(folder["root/file"]);
        using var store = Open(folder, "file", readOnly: false);
        var error = Assert.Throws<StorageException>(() => store.Write(new PieceIndex(0), 0, "overrun!"u8));
        Assert.Contains(folder["root/file"], error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_in_the_place_of_a_folder_is_an_error_that_names_it()
    {
        using var folder = new TempFolder();
        Directory.CreateDirectory(folder["root"]);
        File.WriteAllText(folder["root/a"], "file");
        using var store = Open(folder, "a/b", readOnly: false);
        var error = Assert.Throws<StorageException>(() => store.Write(new PieceIndex(0), 0, "overrun!"u8));
        Assert.Contains(folder["root/a"], error.Message, StringComparison.Ordinal);
        Assert.Equal("file", File.ReadAllText(folder["root/a"]));
    }
}
