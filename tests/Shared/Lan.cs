using System.Diagnostics;
using System.Net;

namespace Shoal;

/// <summary>Which addresses the hosts of a <see cref="Lan"/> have besides IPv6's link-local ones.</summary>
[Flags]
internal enum LanFamilies
{
    IPv4 = 1,
    IPv6 = 2,
    Both = IPv4 | IPv6,
}

/// <summary>
/// Hosts on one wire, made out of this machine: each is a network namespace with an interface <c>eth0</c>, and a bridge in a namespace of
/// its own joins them, so nothing that they send, multicast included, can leave. Needs root, Linux and <c>ip</c>. Namespaces bear the
/// name of this process; those of processes that were killed are removed by the next.
/// </summary>
internal sealed class Lan : IDisposable
{
    private const string Prefix = "shoal-";
    private const string NamesFolder = "/run/netns";

    private static readonly Lazy<string?> Refusal = new(Try);
    private static int _count;

    private readonly string _name = $"{Prefix}{Environment.ProcessId}-{Interlocked.Increment(ref _count)}";
    private readonly List<string> _namespaces = [];

    /// <param name="hostCount">How many hosts.</param>
    /// <param name="families">Which addresses they have.</param>
    /// <param name="carriesMulticast">Whether they hear each other's multicast; IPv6 needs it.</param>
    /// <exception cref="InvalidOperationException">The system does not give it; see <see cref="WhyNot"/>.</exception>
    public Lan(int hostCount, LanFamilies families = LanFamilies.Both, bool carriesMulticast = true)
    {
        try
        {
            var middle = AddNamespace("middle");
            // Snooping would make the bridge guess who wants which multicast.
            Ip(middle, "link add bridge0 type bridge mcast_snooping 0\nlink set bridge0 addrgenmode none\nlink set bridge0 up");
            for (var number = 1; number <= hostCount; number++)
            {
                AddHost(number, middle, families);
                if (!carriesMulticast)
                {
                    Ip(middle, $"link set wire{number} type bridge_slave mcast_flood off");
                }
            }
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Why this machine gives no such network, as a reason to skip a test; null when it does.</summary>
    public static string? WhyNot => Refusal.Value;

    public List<LanHost> Hosts { get; } = [];

    /// <summary>Removes the namespaces. Programs in them must have been ended by who started them.</summary>
    public void Dispose()
    {
        Hosts.ForEach(host => host.Thread.Dispose());
        Remove(_namespaces);
    }

    private static string? Try()
    {
        if (!OperatingSystem.IsLinux() || Environment.UserName != "root")
        {
            return "to make a network out of this machine one must be root, on Linux";
        }

        try
        {
            if (Directory.Exists(NamesFolder))
            {
                Remove([.. Directory.GetFiles(NamesFolder, Prefix + "*").Select(path => Path.GetFileName(path)).Where(IsOfTheDead)]);
            }

            new Lan(1).Dispose();
            return null;
        }
        catch (Exception problem) when (problem is InvalidOperationException or System.ComponentModel.Win32Exception)
        {
            return $"no network can be made out of this machine (Debian: apt install iproute2): {problem.Message}";
        }
    }

    private static bool IsOfTheDead(string name) =>
        int.TryParse(name[Prefix.Length..].Split('-')[0], out var process) && !Directory.Exists($"/proc/{process}");

    private static void Remove(List<string> namespaces)
    {
        if (namespaces.Count > 0)
        {
            Ip(null, string.Join('\n', namespaces.Select(name => "netns delete " + name)));
        }
    }

    private static void Ip(string? inside, string commands)
    {
        var start = new ProcessStartInfo(File.Exists("/usr/sbin/ip") ? "/usr/sbin/ip" : "ip")
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardError = true,
        };
        foreach (var argument in inside is null ? ["-batch", "-"] : new[] { "-n", inside, "-batch", "-" })
        {
            start.ArgumentList.Add(argument);
        }

        using var process = Process.Start(start)!;
        process.StandardInput.Write(commands + "\n");
        process.StandardInput.Close();
        var error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        if (process.ExitCode != 0)
        {
            throw new InvalidOperationException(error.Trim());
        }
    }

    private string AddNamespace(string part)
    {
        var name = $"{_name}-{part}";
        Ip(null, "netns add " + name);
        _namespaces.Add(name);
        Ip(name, "link set lo up");
        return name;
    }

    private void AddHost(int number, string middle, LanFamilies families)
    {
        var name = AddNamespace(number.ToString());
        var host = new LanHost(
            name,
            families.HasFlag(LanFamilies.IPv4) ? IPAddress.Parse($"10.77.0.{number}") : null,
            families.HasFlag(LanFamilies.IPv6) ? IPAddress.Parse($"fd77::{number}") : null);
        Ip(null, $"link add wire{number} netns {middle} type veth peer name eth0 netns {name}");
        Ip(middle, $"link set wire{number} addrgenmode none\nlink set wire{number} master bridge0 up");
        // Addresses are given rather than found, since finding them (duplicate address detection) takes seconds.
        List<string> commands = ["link set eth0 addrgenmode none", "link set eth0 up", $"address add fe80::{number}/64 dev eth0 nodad"];
        if (host.IPv4 is { } v4)
        {
            commands.AddRange([$"address add {v4}/24 dev eth0", "route add default dev eth0"]);
        }

        if (host.IPv6 is { } v6)
        {
            commands.AddRange([$"address add {v6}/64 dev eth0 nodad", "route add ::/0 dev eth0"]);
        }

        Ip(name, string.Join('\n', commands));
        Hosts.Add(host);
    }
}

/// <summary>One host of a <see cref="Lan"/>; what runs on its <see cref="Thread"/> runs there.</summary>
/// <param name="Name">What <c>ip netns exec</c> calls it.</param>
/// <param name="IPv4">Its address, if it has one.</param>
/// <param name="IPv6">Its address beside the link-local one, if it has one.</param>
internal sealed record LanHost(string Name, IPAddress? IPv4, IPAddress? IPv6)
{
    private readonly Lazy<NetworkThread> _thread = new(() => NetworkThread.In(Name));

    /// <summary>Those that it has.</summary>
    public IEnumerable<IPAddress> Addresses => new[] { IPv4, IPv6 }.OfType<IPAddress>();

    /// <summary>Starts processes and makes sockets inside of the host.</summary>
    public NetworkThread Thread => _thread.Value;
}
