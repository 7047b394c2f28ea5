namespace Shoal.Interop.Foreign;

internal static class Startup
{
    /// <summary>The program, once it is ready; it is ended when it does not get so.</summary>
    public static async Task<T> OnceReadyAsync<T>(this T program, Func<Task> ready)
        where T : IAsyncDisposable
    {
        try
        {
            await ready();
            return program;
        }
        catch
        {
            await program.DisposeAsync();
            throw;
        }
    }
}
