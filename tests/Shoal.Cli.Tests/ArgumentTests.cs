using Shoal.Cli.Commands;
using Shoal.Engine.Choking;

namespace Shoal.Cli.Tests;

/// <summary>Whatever is wrong with a command line: one line on stderr that names it, nothing on stdout, and exit code 2.</summary>
public class ArgumentTests
{
    public static TheoryData<string, string> Wrong => new()
    {
        { "", "no command is given (see 'shoal --help')" },
        { "frobnicate", "there is no command or option 'frobnicate' (see 'shoal --help')" },
        { "mpi", "no command is given (see 'shoal mpi --help')" },
        { "mpi copi a b", "there is no command or option 'copi' (see 'shoal mpi --help')" },
        { "token --catalogue x", "there is no command or option '--catalogue' (see 'shoal token --help')" },
        { "get", "Required argument 'what' missing for command: 'get' (see 'shoal get --help')" },
        { "get nonsense", "'nonsense' is neither a magnet link, a URL, a file that exists, nor an info-hash; for a name in a catalogue, say whose with --at HOST:PORT" },
        { "get name:x", "no catalogue is named: use --at HOST:PORT, SHOAL_AT, or \"at\" in {config}" },
        { "get x --at ftp://x", "--at: 'ftp://x' is neither HOST:PORT nor an http or https URL (see 'shoal get --help')" },
        { "get a//b --at 127.0.0.1:9", "'a//b': part 2 is empty" },
        { "publish", "Required argument 'path' missing for command: 'publish' (see 'shoal publish --help')" },
        { "publish x", "no catalogue is named: use --at HOST:PORT, SHOAL_AT, or \"at\" in {config}" },
        { "publish /nonexistent/x --as ../x --at 127.0.0.1:9", "'../x': part 1 is '..'" },
        { "publish /nonexistent/x --as x@3 --at 127.0.0.1:9", "'x@3': the last part ends in '@' and digits, as a version does" },
        { "publish /nonexistent/x --at 127.0.0.1:9 --bind 127.0.0.1", "there is no file or folder '/nonexistent/x'" },
        { "list a[ --at 127.0.0.1:9", "'a[': the '[' at character 2 is not closed" },
        { "list --sort weight", "--sort: 'weight' is neither name, size nor age (see 'shoal list --help')" },
        { "list --versions --at 127.0.0.1:9", "--versions wants a name" },
        { "remove", "Required argument 'name' missing for command: 'remove' (see 'shoal remove --help')" },
        { "remove a//b --at 127.0.0.1:9", "'a//b': part 2 is empty" },
        { "connect x 0x9", "'0x9' is not a port (0 to 65535) (see 'shoal connect --help')" },
        { "token create x --catalogue /nonexistent", "there is no catalogue '/nonexistent': 'shoal tracker --catalogue /nonexistent' makes one" },
        { "token create x", "Option '--catalogue' is required (see 'shoal token create --help')" },
        { "token create x --catalogue /tmp --rights write", "--rights: 'write' is none of read, publish and remove (see 'shoal token create --help')" },
        { "publish x --at h --private --public", "--private and --public contradict each other (see 'shoal publish --help')" },
        { "tracker --cert x.pem", "--cert and --key belong together (see 'shoal tracker --help')" },
        { "tracker --open", "--open, --private and --members-only are about a catalogue: name its folder with --catalogue (see 'shoal tracker --help')" },
        { "get magnet:?dn=x", "the magnet link has no 'xt=urn:btih:' with an info-hash" },
        { "get magnet:?xt=urn:btih:12", "the magnet link's info-hash is neither 40 hexadecimal digits nor 32 of base32: 12" },
        { "get ftp://host/x.torrent", "'ftp://host/x.torrent' is not an http or https URL" },
        { "get x --seeding-policy fair", "--seeding-policy: 'fair' is neither round-robin nor fastest-upload (see 'shoal get --help')" },
        { "get x --encryption yes", "--encryption: 'yes' is neither off, prefer nor require (see 'shoal get --help')" },
        { "get x --max-up 100", "--max-up: '100' has no unit; write for example 500KiB/s, 2MiB/s, 100Mbit or 1Gbit (see 'shoal get --help')" },
        { "seed x y --max-down 5MB", "--max-down: '5MB' is not a rate; write for example 500KiB/s, 2MiB/s, 100Mbit or 1Gbit (see 'shoal seed --help')" },
        { "get x --port 65536", "--port: '65536' is not a port (0 to 65535) (see 'shoal get --help')" },
        { "seed x y --max-connections 0", "--max-connections: '0' is not a number above 0 (see 'shoal seed --help')" },
        { "share x --bind 1.2.3", "--bind: '1.2.3' is not an IP address (see 'shoal share --help')" },
        { "share x --advertise here", "--advertise: 'here' is not an IP address (see 'shoal share --help')" },
        { "get x --tracker foo", "--tracker: 'foo' is not an http, https or udp URL (see 'shoal get --help')" },
        { "get x --tracker-ca /nonexistent/x", "--tracker-ca: there is no file '/nonexistent/x' (see 'shoal get --help')" },
        { "get x --tracker-ca /dev/null", "--tracker-ca: there is no certificate (PEM) in '/dev/null' (see 'shoal get --help')" },
        { "get x --public --no-discovery", "--public and --no-discovery exclude each other (see 'shoal get --help')" },
        { "tracker --trusted-proxy 10.0.0.0/33", "--trusted-proxy: '10.0.0.0/33' is neither an IP address nor a network such as 10.0.0.0/8 (see 'shoal tracker --help')" },
        { "get x --peer foo", "--peer: 'foo' is not HOST:PORT (see 'shoal get --help')" },
        { "get x --seed-ratio much", "--seed-ratio: 'much' is not a ratio (see 'shoal get --help')" },
        { "get x --seed-time 5", "--seed-time: '5' is not a time; write for example 90s, 30m or 2h (see 'shoal get --help')" },
        { "create x --piece-length 5", "--piece-length: '5' is not a power of two from 16KiB to 256MiB (see 'shoal create --help')" },
        { "create x --web-seed ftp://x", "--web-seed: 'ftp://x' is not an http or https URL (see 'shoal create --help')" },
        { "create /nonexistent/x", "there is no file or folder '/nonexistent/x'" },
        { "info /nonexistent/x", "there is no file '/nonexistent/x'" },
        { "info /tmp", "'/tmp' is a folder, not a .torrent" },
        { "info x --frob", "there is no option '--frob' (see 'shoal info --help')" },
        { "tracker --catalogu x", "there is no option '--catalogu' (see 'shoal tracker --help')" },
        { "tracker 0 --cert /nonexistent/x --key /nonexistent/y", "there is no file '/nonexistent/x'" },
        { "share x --bind --port 5000", "--bind: '--port' is not an IP address (see 'shoal share --help')" },
        { "create x --comment=--draft --piece-length 3", "--piece-length: '3' is not a power of two from 16KiB to 256MiB (see 'shoal create --help')" },
        { "get x --tracker-ca /dev/null --tracker-ca /dev/null", "Option '--tracker-ca' expects a single argument but 2 were provided (see 'shoal get --help')" },
        { "share /nonexistent/x", "there is no file or folder '/nonexistent/x'" },
        { "verify x", "Required argument 'folder' missing for command: 'verify' (see 'shoal verify --help')" },
        { "tracker abc", "'abc' is not a port (0 to 65535) (see 'shoal tracker --help')" },
        { "tracker --interval 5", "--interval: '5' is not a time; write for example 90s, 30m or 2h (see 'shoal tracker --help')" },
        { "scrape 0123456789abcdef0123456789abcdef01234567", "no tracker is known for it; name one with --tracker" },
        { "scrape udp://127.0.0.1:9", "'udp://127.0.0.1:9' is a tracker: name the info-hashes after its URL" },
        { "tracker 6969 --port 7000", "two ports are given, 6969 and 7000: which is it?" },
        { "dht --port 65536", "--port: '65536' is not a port (0 to 65535) (see 'shoal dht --help')" },
        { "dht --dht-bootstrap example.org", "--dht-bootstrap: 'example.org' is not HOST:PORT (see 'shoal dht --help')" },
        { "dht --dht-bootstrap 127.0.0.1:1 --no-bootstrap", "--dht-bootstrap and --no-bootstrap exclude each other (see 'shoal dht --help')" },
        { "dht --no-bootstrap --bind 127.0.0.1 --state /proc", "'/proc' is a folder, not a file" },
        { "dht frob", "Unrecognized command or argument 'frob' (see 'shoal dht --help')" },
        { "dht get-peers", "Required argument 'hash' missing for command: 'get-peers' (see 'shoal dht get-peers --help')" },
        { "dht get-peers xyz --bind 127.0.0.1 --dht-bootstrap 127.0.0.1:1", "'xyz' is neither an info-hash nor a magnet link" },
        { "scrape udp://127.0.0.1:9 xyz", "'xyz' is not an info-hash" },
    };

    [Theory]
    [MemberData(nameof(Wrong))]
    public async Task A_wrong_command_line_gets_one_line_on_stderr(string commandLine, string said)
    {
        var run = await Command.RunAsync(commandLine.Split(' ', StringSplitOptions.RemoveEmptyEntries));
        Assert.Equal([$"shoal: {said.Replace("{config}", ConfigFile.Path, StringComparison.Ordinal)}"], run.Error.Lines);
        Assert.DoesNotContain(run.Out.Lines, line => !line.StartsWith("Listening on ", StringComparison.Ordinal));
        Assert.Equal(2, run.ExitCode);
    }

    [Fact]
    public async Task Help_of_a_group_has_its_own_commands_examples()
    {
        var run = await Command.RunAsync("token", "--help");
        Assert.Equal(
            ["create", "list", "revoke"],
            run.Out.Lines.SkipWhile(line => line != "Examples:").Where(line => line.StartsWith("  shoal ", StringComparison.Ordinal)).Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[2]));
    }

    [Fact]
    public async Task What_is_not_there_is_told_before_a_port_is_opened() =>
        Assert.Empty((await Command.RunAsync("share", "/nonexistent/x")).Out.Lines);

    [Theory]
    [InlineData("share")]
    [InlineData("get")]
    [InlineData("seed")]
    [InlineData("create")]
    [InlineData("info")]
    [InlineData("magnet")]
    [InlineData("verify")]
    [InlineData("tracker")]
    [InlineData("publish")]
    [InlineData("list")]
    [InlineData("remove")]
    [InlineData("connect")]
    [InlineData("scrape")]
    [InlineData("simulate")]
    public async Task Help_of_every_command_has_an_example_and_the_options_of_all(string command)
    {
        var run = await Command.RunAsync(command, "--help");
        Assert.Equal(0, run.ExitCode);
        Assert.Contains(run.Out.Lines, line => line.StartsWith($"  shoal {command} ", StringComparison.Ordinal) || line == $"  shoal {command}");
        Assert.Contains(run.Out.Lines, line => line.Contains("--json", StringComparison.Ordinal));
        Assert.Contains(run.Out.Lines, line => line.Contains("--quiet", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("share")]
    [InlineData("get")]
    [InlineData("seed")]
    [InlineData("tracker")]
    [InlineData("publish")]
    [InlineData("connect")]
    public async Task Every_command_that_listens_can_be_told_where(string command)
    {
        var run = await Command.RunAsync(command, "--help");
        foreach (var option in (string[])["--bind", "--advertise", "--port"])
        {
            Assert.Contains(run.Out.Lines, line => line.Contains($"{option} <", StringComparison.Ordinal));
        }
    }

    [Theory]
    [InlineData("share x", SeedingPolicy.RoundRobin)]
    [InlineData("share x --seeding-policy fastest-upload", SeedingPolicy.FastestUpload)]
    [InlineData("seed x y --seeding-policy fastest-upload", SeedingPolicy.FastestUpload)]
    [InlineData("get x --seed --seeding-policy round-robin", SeedingPolicy.RoundRobin)]
    [InlineData("get x --seed --seeding-policy fastest-upload", SeedingPolicy.FastestUpload)]
    public async Task Every_command_that_seeds_can_be_told_whom_to_serve_first(string commandLine, SeedingPolicy policy)
    {
        var args = commandLine.Split(' ');
        var command = args[0] switch { "share" => ShareCommand.Create(), "seed" => SeedCommand.Create(), _ => GetCommand.Create() };
        Assert.Equal(policy, Transfer.OptionsOf(command.Parse(args[1..]), TimeSpan.Zero).SeedingPolicy);
        var help = await Command.RunAsync(args[0], "--help");
        Assert.Contains(help.Out.Lines, line => line.Contains("--seeding-policy <POLICY>", StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_help_of_the_whole_lists_the_exit_codes()
    {
        var run = await Command.RunAsync("--help");
        Assert.Contains("  130  stopped by Ctrl-C or SIGTERM before it was done", run.Out.Lines);
    }

    [Fact]
    public async Task An_error_is_an_event_as_well_for_machines()
    {
        var run = await Command.RunAsync("info", "/nonexistent/x", "--json");
        Assert.Equal(["""{"event":"error","text":"there is no file '/nonexistent/x'","exitCode":2}"""], run.Out.Lines);
        Assert.Equal(["shoal: there is no file '/nonexistent/x'"], run.Error.Lines);
    }
}
