namespace Shoal.Simulation.Scenarios;

/// <summary>A scenario that cannot be: its message is one line that names the file, the place in it, and what is wrong.</summary>
public sealed class ScenarioException : Exception
{
    /// <summary>Something is wrong at a place, such as "classes[1].up", of a source; an empty place is the whole.</summary>
    public ScenarioException(string source, string place, string text)
        : base(place.Length == 0 ? $"{source}: {text}" : $"{source}: {place}: {text}")
    {
    }
}
