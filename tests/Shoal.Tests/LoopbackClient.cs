using System.Net;

namespace Shoal.Tests;

/// <summary>Clients that keep to a test's folder and to loopback.</summary>
internal static class LoopbackClient
{
    public static Task<ShoalClient> StartAsync(this Workplace place) => ShoalClient.StartAsync(new ShoalOptions
    {
        BindAddress = IPAddress.Loopback, StateDirectory = place.At("state"), StopGrace = TimeSpan.FromSeconds(1),
    });
}
