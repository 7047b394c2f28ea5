using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Shoal.Engine;
using Shoal.Engine.Discovery;
using Shoal.Protocol;
using Shoal.Protocol.Discovery;

namespace Shoal.Sockets.Discovery;

/// <summary>How the local network is listened to. Immutable.</summary>
public sealed record LocalDiscoveryOptions
{
    /// <summary>An address of this machine: its network alone is meant, though it be within the machine. Null for all networks but that.</summary>
    public IPAddress? BindAddress { get; init; }

    /// <summary>Where it tells how it goes.</summary>
    public ILogger Logger { get; init; } = NullLogger.Instance;
}

/// <summary>
/// Finds peers on the local network and lets them find us (BEP 14), over IPv4 and IPv6, as far as the machine has them; what it cannot
/// have it logs and does without. The decisions are <see cref="LocalDiscovery"/>'s. Sockets are opened with the first torrent.
/// Thread-safe; nothing here blocks or throws for what the network does.
/// </summary>
public sealed class LocalDiscoveryService : IAsyncDisposable
{
    /// <summary>How often it is looked which networks there are.</summary>
    private static readonly TimeSpan RefreshInterval = TimeSpan.FromSeconds(30);

    /// <summary>After a failure to receive.</summary>
    private static readonly TimeSpan ReceivePause = TimeSpan.FromSeconds(1);

    private readonly Lock _gate = new();
    private readonly LocalDiscovery _machine;
    private readonly LocalDiscoveryOptions _options;
    private readonly Action<InfoHash, PeerAddress> _found;
    private readonly TimeProvider _time = TimeProvider.System;
    private readonly long _epoch;
    private readonly SemaphoreSlim _wake = new(0);
    private readonly CancellationTokenSource _stopping = new();
    private Task? _work; // from the first torrent on

    /// <param name="options">How.</param>
    /// <param name="found">Called for each peer, perhaps more than once, on any thread; must be quick and never throw.</param>
    public LocalDiscoveryService(LocalDiscoveryOptions options, Action<InfoHash, PeerAddress> found)
    {
        (_options, _found) = (options, found);
        _epoch = _time.GetTimestamp();
        _machine = new LocalDiscovery(
            Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(8)), BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(8)));
    }

    private Instant Now => new(_time.GetElapsedTime(_epoch).Ticks * 100);

    /// <summary>A torrent is here, and its links are taken at <paramref name="port"/>, which is not 0. After disposal it does nothing.</summary>
    public void Announce(InfoHash infoHash, ushort port)
    {
        lock (_gate)
        {
            if (_stopping.IsCancellationRequested)
            {
                return;
            }

            _machine.Add(Now, infoHash, port);
            _work ??= Task.Run(RunAsync);
        }

        _wake.Release();
    }

    /// <summary>A torrent is here no longer: it is not announced again, and nobody is told of peers for it.</summary>
    public void Withdraw(InfoHash infoHash)
    {
        lock (_gate)
        {
            _machine.Remove(infoHash);
        }
    }

    /// <summary>Ends it; when this is done, no peer is told of any more.</summary>
    public async ValueTask DisposeAsync()
    {
        Task? work;
        lock (_gate)
        {
            _stopping.Cancel();
            work = _work;
        }

        if (work is not null)
        {
            await work;
        }
    }

    private async Task RunAsync()
    {
        List<MulticastGroup> groups = [.. new[] { false, true }.Select(Open).OfType<MulticastGroup>()];
        var receiving = groups.ConvertAll(ReceiveAsync);
        try
        {
            await SpeakAsync(groups);
        }
        catch (OperationCanceledException)
        {
            // It is over.
        }
        finally
        {
            await Task.WhenAll(receiving);
            groups.ForEach(group => group.Dispose());
        }
    }

    private MulticastGroup? Open(bool isIPv6)
    {
        var family = isIPv6 ? AddressFamily.InterNetworkV6 : AddressFamily.InterNetwork;
        if (_options.BindAddress is { } address && address.AddressFamily != family)
        {
            return null;
        }

        try
        {
            return new MulticastGroup(isIPv6, _options.BindAddress);
        }
        catch (SocketException error)
        {
            Log.NoLocalDiscovery(_options.Logger, isIPv6 ? "IPv6" : "IPv4", error.Message);
            return null;
        }
    }

    private async Task SpeakAsync(List<MulticastGroup> groups)
    {
        var refreshAt = Instant.Zero;
        while (true)
        {
            if (Now >= refreshAt)
            {
                refreshAt = Now + RefreshInterval;
                if (groups.ConvertAll(group => group.Refresh()).Contains(true))
                {
                    Locked(machine => machine.NetworkCame(Now));
                }
            }

            LocalAnnounce? due;
            while ((due = Locked(machine => machine.TryAnnounce(Now, out var announce) ? announce : null)) is not null)
            {
                groups.ForEach(group => group.Send(due.ToDatagram(group.IsIPv6)));
            }

            var next = Instant.Min(refreshAt, Locked(machine => machine.Deadline));
            var pause = next - Now;
            await _wake.WaitAsync(pause > TimeSpan.Zero ? pause + TimeSpan.FromMilliseconds(1) : TimeSpan.Zero, _stopping.Token);
        }
    }

    private async Task ReceiveAsync(MulticastGroup group)
    {
        List<LocalPeer> found = [];
        while (!_stopping.IsCancellationRequested)
        {
            try
            {
                var (sender, datagram) = await group.ReceiveAsync(_stopping.Token);
                Take(PeerAddress.From(sender.Address, sender.Port), datagram.Span, found);
            }
            catch (OperationCanceledException)
            {
                break;
            }
            catch (SocketException)
            {
                await Task.WhenAny(Task.Delay(ReceivePause, _stopping.Token)); // not an exception of the delay's own
            }
        }
    }

    private void Take(PeerAddress sender, ReadOnlySpan<byte> datagram, List<LocalPeer> found)
    {
        var before = Instant.Never;
        var after = Instant.Never;
        found.Clear();
        lock (_gate)
        {
            before = _machine.Deadline;
            _machine.Received(Now, sender, datagram, found);
            after = _machine.Deadline;
        }

        foreach (var (infoHash, address) in found)
        {
            Log.FoundLocally(_options.Logger, address, infoHash);
            _found(infoHash, address);
        }

        if (after < before)
        {
            _wake.Release();
        }
    }

    private void Locked(Action<LocalDiscovery> act)
    {
        lock (_gate)
        {
            act(_machine);
        }
    }

    private T Locked<T>(Func<LocalDiscovery, T> ask)
    {
        lock (_gate)
        {
            return ask(_machine);
        }
    }
}
