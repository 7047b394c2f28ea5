using System.Buffers.Binary;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Shoal.Tracker.Catalogue;

namespace Shoal.Tracker;

/// <summary>
/// A running tracker: HTTP (or HTTPS) and UDP on one port (BEP 3, 15, 48), IPv4 and IPv6. Thread-safe. Dispose to stop.
/// </summary>
public sealed class TrackerServer : IAsyncDisposable
{
    private const int AttemptsAtAnyPort = 20;

    private readonly TrackerShards _shards;
    private readonly UdpListener _udp;
    private readonly KestrelServer _http;
    private readonly ServiceProvider _services;
    private readonly CatalogueService? _catalogue;
    private readonly ServerCertificate? _certificate;
    private readonly ITimer _expiry;
    private readonly ILogger _logger;

    private TrackerServer(
        TrackerShards shards, UdpListener udp, KestrelServer http, ServiceProvider services, CatalogueService? catalogue, ServerCertificate? certificate,
        TimeProvider time, ILogger logger)
    {
        _certificate = certificate;
        _catalogue = catalogue;
        _shards = shards;
        _udp = udp;
        _http = http;
        _services = services;
        _logger = logger;
        EndPoint = udp.EndPoint;
        _expiry = time.CreateTimer(static state => ((TrackerShards)state!).Expire(), shards, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(1));
    }

    /// <summary>Where it listens, for HTTP and UDP.</summary>
    public IPEndPoint EndPoint { get; }

    /// <summary>
    /// The URL for HTTP announces, from this machine if it listens at all addresses; with a certificate https, and the name that is in it.
    /// </summary>
    public Uri AnnounceUrl => _certificate is null ? Url("http", "/announce")
        : _certificate.HostName is { } name ? new Uri($"https://{name}:{EndPoint.Port}/announce")
        : Url("https", "/announce");

    /// <summary>The URL for UDP announces, from this machine if it listens at all addresses.</summary>
    public Uri UdpAnnounceUrl => Url("udp", string.Empty);

    /// <summary>Names in its catalogue; 0 if it has none.</summary>
    public int CatalogueCount => _catalogue?.Count ?? 0;

    /// <summary>What it has done and holds.</summary>
    public TrackerStats Stats => TrackerStats.From(_shards.Statistics);

    /// <summary>Starts a tracker.</summary>
    /// <exception cref="TrackerStartException">The port is in use, may not be used, or the address is not this machine's.</exception>
    public static async Task<TrackerServer> StartAsync(
        TrackerOptions options, ILoggerFactory? loggerFactory = null, TimeProvider? timeProvider = null, CancellationToken cancellationToken = default)
    {
        var time = timeProvider ?? TimeProvider.System;
        var shards = new TrackerShards(options, time, RandomUInt64);
        loggerFactory ??= NullLoggerFactory.Instance;
        var certificate = options.CertificateFile is null ? null
            : new ServerCertificate(options.CertificateFile, options.KeyFile ?? options.CertificateFile, time, loggerFactory.CreateLogger<TrackerServer>());
        var catalogue = OpenCatalogue(options, shards, loggerFactory, time);
        var responder = new UdpResponder(shards, new ConnectionIds(RandomUInt64(), RandomUInt64()));
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                return await StartOnceAsync(options, shards, catalogue, certificate, responder, time, loggerFactory, cancellationToken);
            }
            catch (TrackerStartException) when (options.Port == 0 && attempt < AttemptsAtAnyPort)
            {
                // A port that was free for UDP was not for TCP: another.
            }
            catch
            {
                if (catalogue is not null)
                {
                    await catalogue.DisposeAsync();
                }

                throw;
            }
        }
    }

    /// <summary>Stops: no new answers, those under way are given a second.</summary>
    public async ValueTask DisposeAsync()
    {
        await _expiry.DisposeAsync();
        _udp.Dispose();
        await StopAsync(_http);
        await _services.DisposeAsync();
        if (_catalogue is not null)
        {
            await _catalogue.DisposeAsync();
        }

        Log.Stopped(_logger);
    }

    private static async Task<TrackerServer> StartOnceAsync(
        TrackerOptions options, TrackerShards shards, CatalogueService? catalogue, ServerCertificate? certificate, UdpResponder responder, TimeProvider time,
        ILoggerFactory loggers, CancellationToken cancellationToken)
    {
        var address = options.BindAddress.Equals(IPAddress.IPv6Any) && !Socket.OSSupportsIPv6 ? IPAddress.Any : options.BindAddress;
        UdpListener udp;
        try
        {
            udp = UdpListener.Bind(address, options.Port, options.UdpThreadCount, responder, shards);
        }
        catch (SocketException e)
        {
            throw CannotStart("UDP", new IPEndPoint(address, options.Port), e);
        }

        var services = ServicesFor(certificate).AddSingleton(loggers).BuildServiceProvider();
        var endPoint = udp.EndPoint;
        var limits = new ClientLimits(options, time);
        var frontEnd = new HttpFrontEnd(shards, new TrustedProxies(options.TrustedProxies), limits, catalogue);
        var http = CreateKestrel(options, endPoint, frontEnd, limits, certificate, services, loggers);
        try
        {
            await http.StartAsync(frontEnd, cancellationToken);
        }
        catch (Exception e)
        {
            udp.Dispose();
            await StopAsync(http);
            await services.DisposeAsync();
            if (e is IOException or SocketException)
            {
                throw CannotStart("TCP", endPoint, e);
            }

            throw;
        }

        udp.Start();
        var logger = loggers.CreateLogger<TrackerServer>();
        Log.Listening(logger, endPoint.ToString());
        return new TrackerServer(shards, udp, http, services, catalogue, certificate, time, logger);
    }

    // To speak https, Kestrel wants what only an application's builder has.
    private static IServiceCollection ServicesFor(ServerCertificate? certificate)
    {
        if (certificate is null)
        {
            return new ServiceCollection();
        }

        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore();
        return builder.Services;
    }

    private static CatalogueService? OpenCatalogue(TrackerOptions options, TrackerShards shards, ILoggerFactory loggers, TimeProvider time)
    {
        try
        {
            return options.Catalogue is null ? null
                : CatalogueService.Open(options.Catalogue, shards, new TrustedProxies(options.TrustedProxies), loggers, time);
        }
        catch (CatalogueException error)
        {
            throw new TrackerStartException(error.Message, error);
        }
    }

    private static KestrelServer CreateKestrel(
        TrackerOptions options, IPEndPoint endPoint, HttpFrontEnd frontEnd, ClientLimits limits, ServerCertificate? certificate, IServiceProvider services,
        ILoggerFactory loggers)
    {
        var kestrel = new KestrelServerOptions { ApplicationServices = services, AddServerHeader = false, AllowSynchronousIO = false };
        kestrel.Limits.MaxConcurrentConnections = limits.HardLimit;
        kestrel.Limits.KeepAliveTimeout = options.KeepAliveTimeout;
        kestrel.Limits.RequestHeadersTimeout = TimeSpan.FromSeconds(10);
        kestrel.Limits.MaxRequestBodySize = 0;
        kestrel.Limits.MaxRequestLineSize = 8 * 1024;
        kestrel.Limits.MaxRequestHeadersTotalSize = 16 * 1024;
        kestrel.Limits.MaxRequestHeaderCount = 50;
        kestrel.Limits.MinResponseDataRate = new MinDataRate(240, TimeSpan.FromSeconds(5));
        kestrel.Listen(endPoint, listen =>
        {
            listen.Protocols = HttpProtocols.Http1;
            listen.Use(next => connection => limits.CountAsync(connection, next));
            if (certificate is not null)
            {
                listen.UseHttps(new TlsHandshakeCallbackOptions
                {
                    OnConnection = _ => ValueTask.FromResult(new SslServerAuthenticationOptions { ServerCertificateContext = certificate.Current }),
                });
            }
        });
        // The short cut reads what comes as it is, and so would answer http where https is promised.
        IConnectionListenerFactory transport = certificate is null && OperatingSystem.IsLinux() && Environment.Is64BitProcess
            ? new OneShotListener.Factory(new OneShotResponder(frontEnd), loggers)
            : new SocketTransportFactory(Options.Create(new SocketTransportOptions()), loggers);
        return new KestrelServer(Options.Create(kestrel), transport, loggers);
    }

    private static async Task StopAsync(KestrelServer http)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(1));
        await http.StopAsync(patience.Token);
        http.Dispose();
    }

    private static TrackerStartException CannotStart(string protocol, IPEndPoint endPoint, Exception e)
    {
        var socketError = e as SocketException ?? e.InnerException as SocketException ?? e.InnerException?.InnerException as SocketException;
        var reason = socketError?.SocketErrorCode switch
        {
            SocketError.AddressAlreadyInUse => "is in use",
            SocketError.AccessDenied => "may not be used without more rights",
            SocketError.AddressNotAvailable => "is at an address that this machine does not have",
            _ when e.InnerException is AddressInUseException => "is in use",
            _ => $"cannot be used: {e.Message}",
        };
        return new TrackerStartException($"the tracker cannot start: {protocol} port {endPoint.Port} on {endPoint.Address} {reason}", e);
    }

    private static ulong RandomUInt64()
    {
        Span<byte> bytes = stackalloc byte[8];
        RandomNumberGenerator.Fill(bytes);
        return BinaryPrimitives.ReadUInt64LittleEndian(bytes);
    }

    private Uri Url(string scheme, string path)
    {
        var address = EndPoint.Address.Equals(IPAddress.IPv6Any) || EndPoint.Address.Equals(IPAddress.Any) ? IPAddress.Loopback : EndPoint.Address;
        return new Uri($"{scheme}://{new IPEndPoint(address, EndPoint.Port)}{path}");
    }
}
