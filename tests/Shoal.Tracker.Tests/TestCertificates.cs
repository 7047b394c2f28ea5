using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Shoal.Tracker.Tests;

/// <summary>Authorities of the tests' own, and what they vouch for.</summary>
internal static class TestCertificates
{
    public static X509Certificate2 NewAuthority()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=An authority of ours", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        return request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(30));
    }

    /// <summary>A certificate of a server and its key, as PEM.</summary>
    public static (string Certificate, string Key) NewServer(X509Certificate2 authority, string name, byte serial = 3)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName(name);
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid("1.3.6.1.5.5.7.3.1")], false));
        using var certificate = request.Create(authority, DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(20), [1, 2, serial]);
        return (certificate.ExportCertificatePem(), key.ExportPkcs8PrivateKeyPem());
    }

    /// <summary>One who trusts the authority.</summary>
    public static HttpClient NewClient(X509Certificate2 authority)
    {
        var authorities = new Sockets.Trackers.PrivateAuthorities([authority]);
        var handler = new SocketsHttpHandler { SslOptions = { RemoteCertificateValidationCallback = authorities.Check } };
        return new HttpClient(handler);
    }
}
