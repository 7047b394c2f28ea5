using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Microsoft.Extensions.Logging;
using Shoal.Engine;
using Shoal.Engine.PortMapping;
using Shoal.Protocol;
using Shoal.Protocol.PortMapping;

namespace Shoal.Sockets.PortMapping;

/// <summary>How a <see cref="PortMapper"/> stands. Immutable.</summary>
/// <param name="Mapped">What the router lets in.</param>
/// <param name="Failure">Why not all of it: one line; null if nothing failed, so far.</param>
public sealed record PortMappingStatus(IReadOnlyList<MappedPort> Mapped, string? Failure);

/// <summary>
/// Has the router of this network let ports in (PCP, NAT-PMP, UPnP), for as long as it lives; changes the router when the machine changes the network.
/// Speaks to nobody but the default gateway and, for UPnP, the devices of the local network. Thread-safe.
/// </summary>
public sealed class PortMapper : IAsyncDisposable
{
    /// <summary>How often it is looked whether there is another router now.</summary>
    private static readonly TimeSpan LookTime = TimeSpan.FromMinutes(1);

    private readonly PortMapperOptions _options;
    private readonly Action<PortMappingOutput>? _tell;
    private readonly TaskCompletionSource _ending = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CancellationTokenSource _killing = new();
    private readonly Lock _gate = new();
    private readonly List<(PortTransport Transport, ushort Port)> _ports = []; // one of each transport at most
    private RouterSockets? _sockets; // while a router is asked
    private volatile PortMappingStatus _status = new([], null);
    private Task _running = Task.CompletedTask;
    private int _isStarted;
    private int _isDisposed;

    /// <summary>One that does nothing before <see cref="Start"/>.</summary>
    /// <param name="options">How.</param>
    /// <param name="tell">
    /// Told of each <see cref="PortMappingOutput.Mapped"/>, <see cref="PortMappingOutput.Renewed"/>, <see cref="PortMappingOutput.Lost"/> and
    /// <see cref="PortMappingOutput.Failed"/>, one at a time, on any thread, after <see cref="Status"/> has changed; quick, and never throws.
    /// </param>
    public PortMapper(PortMapperOptions options, Action<PortMappingOutput>? tell = null) => (_options, _tell) = (options, tell);

    /// <summary>How it stands.</summary>
    public PortMappingStatus Status => _status;

    /// <summary>Begins, once.</summary>
    public void Start()
    {
        if (Interlocked.Exchange(ref _isStarted, 1) == 0)
        {
            _running = Task.Run(RunAsync);
        }
    }

    /// <summary>Has the port of this machine let in, too, from now on. One of each transport counts: of more, the first.</summary>
    public void Map(PortTransport transport, ushort port)
    {
        lock (_gate)
        {
            if (!_ports.Exists(other => other.Transport == transport))
            {
                _ports.Add((transport, port));
                _sockets?.Post(Want(transport, port));
            }
        }
    }

    /// <summary>Gives back what was mapped, within <see cref="PortMapperOptions.ReleasePatience"/>.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) != 0)
        {
            return;
        }

        _ending.SetResult();
        _killing.CancelAfter(_options.ReleasePatience);
        await _running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _killing.Dispose();
    }

    private async Task RunAsync()
    {
        while (!_ending.Task.IsCompleted)
        {
            if (FindGateway() is not { } gateway)
            {
                Fail("this machine has no router to ask: it has no default route");
            }
            else if (TryOpen(gateway) is { } sockets)
            {
                await using (sockets)
                {
                    Use(sockets);
                    try
                    {
                        await AskAsync(sockets);
                    }
                    finally
                    {
                        Use(null);
                    }
                }

                continue;
            }

            await Task.WhenAny(_ending.Task, Task.Delay(LookTime));
        }
    }

    private void Use(RouterSockets? sockets)
    {
        lock (_gate)
        {
            _sockets = sockets;
            foreach (var (transport, port) in _ports)
            {
                sockets?.Post(Want(transport, port));
            }
        }
    }

    private static PortMappingInput.Want Want(PortTransport transport, ushort port) =>
        new(transport, port, PcpNonce.Read(RandomNumberGenerator.GetBytes(PcpNonce.Length)));

    private IPEndPoint? FindGateway() =>
        _options.Gateway ?? (DefaultGateway.Find() is { } address ? new IPEndPoint(address, NatPmpCodec.GatewayPort) : null);

    private RouterSockets? TryOpen(IPEndPoint gateway)
    {
        try
        {
            return new RouterSockets(gateway, _options);
        }
        catch (SocketException error)
        {
            Fail($"the router at {gateway.Address} cannot be asked: {error.Message}");
            return null;
        }
    }

    // Until the end, or until there is another router.
    private async Task AskAsync(RouterSockets sockets)
    {
        var machine = new RouterPorts(
            new RouterPortsOptions
            {
                Gateway = PeerAddress.From(sockets.Gateway.Address, sockets.Gateway.Port),
                Self = PeerAddress.From(sockets.Self, 0),
                Protocols = _options.Protocols,
                Lifetime = _options.Lifetime,
            },
            new Prng(BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(sizeof(ulong)))));
        sockets.Start();
        var lookAt = Now() + LookTime;
        PortMappingInput input = new PortMappingInput.Timer();
        while (true)
        {
            machine.Handle(Now(), input);
            Drain(machine, sockets);
            if (machine.IsReleased)
            {
                return;
            }

            var next = await NextAsync(machine, sockets, lookAt);
            if (next is null)
            {
                lookAt = Now() + LookTime;
                if (!sockets.Gateway.Equals(FindGateway()))
                {
                    machine.Handle(Now(), new PortMappingInput.Moved());
                    Drain(machine, sockets);
                    return;
                }
            }

            input = next ?? new PortMappingInput.Timer();
        }
    }

    // Null if it is time to look for another router.
    private async Task<PortMappingInput?> NextAsync(RouterPorts machine, RouterSockets sockets, Instant lookAt)
    {
        while (true)
        {
            if (sockets.Inputs.TryRead(out var input))
            {
                return input;
            }

            var isReleasing = _ending.Task.IsCompleted;
            var until = isReleasing ? machine.Deadline : Instant.Min(machine.Deadline, lookAt);
            var now = Now();
            if (until <= now)
            {
                return machine.Deadline <= now ? new PortMappingInput.Timer() : null;
            }

            using var waiting = CancellationTokenSource.CreateLinkedTokenSource(_killing.Token);
            var came = sockets.Inputs.WaitToReadAsync(waiting.Token).AsTask();
            var timer = Task.Delay(until == Instant.Never ? Timeout.InfiniteTimeSpan : Ceiling(until - now), waiting.Token);
            var first = await (isReleasing ? Task.WhenAny(came, timer) : Task.WhenAny(came, timer, _ending.Task));
            await waiting.CancelAsync();
            await Task.WhenAll(came, timer).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            _killing.Token.ThrowIfCancellationRequested();
            if (first == _ending.Task)
            {
                return new PortMappingInput.Release();
            }
        }
    }

    private void Drain(RouterPorts machine, RouterSockets sockets)
    {
        while (machine.TryPoll(out var output))
        {
            if (!sockets.Do(output))
            {
                Tell(machine, output);
            }
        }
    }

    private void Tell(RouterPorts machine, PortMappingOutput output)
    {
        switch (output)
        {
            case PortMappingOutput.Mapped { Port: var port }:
                _status = new PortMappingStatus([.. machine.Mapped], null);
                Log.PortMapped(_options.Logger, port.Transport, port.InternalPort, port.External, port.ProtocolName);
                break;
            case PortMappingOutput.Lost { Port: var port, Reason: var reason }:
                _status = new PortMappingStatus([.. machine.Mapped], reason);
                Log.PortLost(_options.Logger, port.Transport, port.InternalPort, port.External, reason);
                break;
            case PortMappingOutput.Failed { Reason: var reason }:
                _status = _status with { Failure = reason };
                Log.PortNotMapped(_options.Logger, reason);
                break;
            default:
                break;
        }

        _tell?.Invoke(output);
    }

    // The network has no router that could be asked at all.
    private void Fail(string reason)
    {
        if (_status.Failure != reason)
        {
            _status = new PortMappingStatus([], reason);
            Log.PortNotMapped(_options.Logger, reason);
            foreach (var (transport, port) in Ports())
            {
                _tell?.Invoke(new PortMappingOutput.Failed(transport, port, reason));
            }
        }
    }

    private (PortTransport Transport, ushort Port)[] Ports()
    {
        lock (_gate)
        {
            return [.. _ports];
        }
    }

    private static Instant Now() => Instant.Zero + Stopwatch.GetElapsedTime(0);

    // A timer that rings a little early would be set again for nothing.
    private static TimeSpan Ceiling(TimeSpan time) => time + TimeSpan.FromMilliseconds(1);
}
