namespace Shoal.Interop.Foreign;

/// <summary>
/// Which of Debian's programs this machine has. A missing one is a reason to skip, told in one line
/// that names the package to install.
/// </summary>
internal static class ForeignPrograms
{
    // Debian's own interpreter: libtorrent's binding belongs to it and to no other python3 on PATH.
    public const string Python = "/usr/bin/python3";

    public static string? WhyNoLibtorrent { get; } =
        Directory.Exists("/usr/lib/python3/dist-packages")
        && Directory.EnumerateFiles("/usr/lib/python3/dist-packages", "libtorrent*.so").Any()
            ? null
            : "libtorrent is not installed (apt-get install python3-libtorrent)";

    public static string? WhyNoAria2 { get; } = Missing("aria2c", "aria2");

    public static string? WhyNoTransmission { get; } = Missing("transmission-daemon", "transmission-daemon");

    public static string? WhyNoOpentracker { get; } = Missing("opentracker", "opentracker");

    public static string? WhyNoMktorrent { get; } = Missing("mktorrent", "mktorrent");

    public static string? WhyNoNginx { get; } = Missing("nginx", "nginx") ??
        (File.Exists("/usr/lib/nginx/modules/ngx_http_set_misc_module.so")
            ? null : "nginx's set_misc module is not installed (apt-get install libnginx-mod-http-set-misc)");

    public static string? WhyNoPromtool { get; } = Missing("promtool", "prometheus");

    public static string? WhyNoChromium { get; } = Missing("chromium", "chromium");

    public static string? WhyNoSystemd { get; } = Missing("systemd-analyze", "systemd");

    private static string? Missing(string program, string package)
    {
        var path = Environment.GetEnvironmentVariable("PATH") ?? "/usr/bin";
        return path.Split(':').Append("/usr/sbin").Any(folder => File.Exists(Path.Combine(folder, program)))
            ? null
            : $"{program} is not installed (apt-get install {package})";
    }
}
