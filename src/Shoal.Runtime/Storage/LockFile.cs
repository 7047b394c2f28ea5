using System.Diagnostics;

namespace Shoal.Runtime.Storage;

/// <summary>A file that programs which change something together hold by turns: the system lets go of it with whoever dies. Thread-safe.</summary>
public static class LockFile
{
    /// <summary>How often it is tried: the system tells nobody that a file was let go.</summary>
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(10);

    /// <summary>Holds the file, which is made if it is not there, until what is returned is disposed.</summary>
    /// <param name="path">It.</param>
    /// <param name="patience">How long to wait for another program.</param>
    /// <exception cref="IOException">Another program holds it all that time, or it cannot be made.</exception>
    public static IDisposable Hold(string path, TimeSpan patience)
    {
        var start = Stopwatch.GetTimestamp();
        while (true)
        {
            try
            {
                return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException) when (Stopwatch.GetElapsedTime(start) < patience)
            {
                Thread.Sleep(Pause);
            }
        }
    }
}
