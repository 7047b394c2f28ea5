using System.Net.Security;
using System.Security.Cryptography.X509Certificates;

namespace Shoal.Sockets.Trackers;

/// <summary>
/// Certificates of servers that the platform's authorities or the user's own vouch for. Nothing but the missing trust is
/// ever made up for: the name, the dates and the use must be right. Thread-safe.
/// </summary>
public sealed class PrivateAuthorities(X509Certificate2Collection authorities)
{
    /// <summary>As <see cref="RemoteCertificateValidationCallback"/> has it.</summary>
    public bool Check(object sender, X509Certificate? certificate, X509Chain? chain, SslPolicyErrors errors)
    {
        if (errors != SslPolicyErrors.RemoteCertificateChainErrors || certificate is not X509Certificate2 server || chain is null)
        {
            return errors == SslPolicyErrors.None;
        }

        using var own = new X509Chain();
        own.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        own.ChainPolicy.CustomTrustStore.AddRange(authorities);
        own.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck; // a private authority rarely publishes any
        own.ChainPolicy.ApplicationPolicy.Add(new System.Security.Cryptography.Oid("1.3.6.1.5.5.7.3.1")); // of servers
        foreach (var element in chain.ChainElements)
        {
            own.ChainPolicy.ExtraStore.Add(element.Certificate);
        }

        return own.Build(server);
    }
}
