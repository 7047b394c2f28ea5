using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Logging;

namespace Shoal.Tracker;

/// <summary>
/// The certificate that a tracker shows, with those between it and its authority, from two PEM files. The files are read again when somebody
/// connects, at most once a second, so that a renewed one counts without a restart; while they do not fit together, as in the middle of being
/// replaced, the one before counts. Thread-safe.
/// </summary>
internal sealed class ServerCertificate
{
    private static readonly TimeSpan BetweenLooks = TimeSpan.FromSeconds(1);

    private readonly string _certificatePath;
    private readonly string _keyPath;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly Lock _gate = new();
    private SslStreamCertificateContext _context;
    private (string Certificates, string Key) _seen;
    private long _lastLook;

    /// <summary>Reads the files.</summary>
    /// <exception cref="TrackerStartException">One of them cannot be read or is none, or they do not belong together.</exception>
    public ServerCertificate(string certificatePath, string keyPath, TimeProvider time, ILogger logger)
    {
        (_certificatePath, _keyPath, _time, _logger) = (certificatePath, keyPath, time, logger);
        _seen = (Read(certificatePath), Read(keyPath));
        _lastLook = time.GetTimestamp();
        _context = Load(_seen.Certificates, _seen.Key);
    }

    /// <summary>The name that it is for, if it says one that is no wildcard.</summary>
    public string? HostName => _context.TargetCertificate.GetNameInfo(X509NameType.DnsName, forIssuer: false) is { Length: > 0 } name && !name.Contains('*')
        && Uri.CheckHostName(name) == UriHostNameType.Dns ? name : null;

    /// <summary>The one to show now.</summary>
    public SslStreamCertificateContext Current
    {
        get
        {
            lock (_gate)
            {
                if (_time.GetElapsedTime(_lastLook) >= BetweenLooks)
                {
                    _lastLook = _time.GetTimestamp();
                    LookAgain();
                }

                return _context;
            }
        }
    }

    private void LookAgain()
    {
        try
        {
            var now = (Read(_certificatePath), Read(_keyPath));
            if (now != _seen)
            {
                _seen = now;
                _context = Load(now.Item1, now.Item2);
                Log.CertificateLoaded(_logger, _certificatePath, _context.TargetCertificate.NotAfter.ToUniversalTime());
            }
        }
        catch (TrackerStartException error)
        {
            Log.CertificateKept(_logger, error.Message);
        }
    }

    private static string Read(string path)
    {
        if (path.Length == 0)
        {
            throw BadFile("the path of the certificate or its key is empty (a variable that is not set?)");
        }

        try
        {
            return File.ReadAllText(path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw BadFile(
                error is FileNotFoundException or DirectoryNotFoundException ? $"there is no file '{path}'" : $"cannot read '{path}': {error.Message}", error);
        }
    }

    private SslStreamCertificateContext Load(string certificates, string key)
    {
        var chain = new X509Certificate2Collection();
        try
        {
            chain.ImportFromPem(certificates);
        }
        catch (CryptographicException error)
        {
            throw BadFile($"a certificate in '{_certificatePath}' is damaged: {error.Message}", error);
        }

        if (chain.Count == 0)
        {
            throw BadFile($"there is no certificate (PEM) in '{_certificatePath}'");
        }

        CheckKey(key);
        try
        {
            var certificate = X509Certificate2.CreateFromPem(certificates, key);
            chain.RemoveAt(0);
            return SslStreamCertificateContext.Create(OperatingSystem.IsWindows() ? Persisted(certificate) : certificate, chain, offline: true);
        }
        catch (Exception error) when (error is CryptographicException or ArgumentException)
        {
            throw BadFile($"the key in '{_keyPath}' is not that of the first certificate in '{_certificatePath}', or is damaged", error);
        }
    }

    private void CheckKey(string key)
    {
        if (key.Contains("-----BEGIN ENCRYPTED PRIVATE KEY-----", StringComparison.Ordinal) || key.Contains("Proc-Type: 4,ENCRYPTED", StringComparison.Ordinal))
        {
            throw BadFile($"the key in '{_keyPath}' is encrypted: a tracker has nobody to ask for its password");
        }

        if (!key.Contains("PRIVATE KEY-----", StringComparison.Ordinal))
        {
            throw BadFile($"there is no private key (PEM) in '{_keyPath}'");
        }
    }

    private static TrackerStartException BadFile(string message, Exception? inner = null) => new(message, inner) { IsBadFile = true };

    // Windows shows no certificate whose key is in memory only.
    private static X509Certificate2 Persisted(X509Certificate2 certificate) =>
        X509CertificateLoader.LoadPkcs12(certificate.Export(X509ContentType.Pkcs12), password: null);
}
