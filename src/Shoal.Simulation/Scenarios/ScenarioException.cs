namespace Shoal.Simulation.Scenarios;

/// <summary>A scenario that cannot be: its message is one line that names the file, the place in it, and what is wrong.</summary>
public sealed class ScenarioException : Exception
{
    /// <summary>Something is wrong at a place, such as "classes[1].up", of a source; an empty place is the whole.</summary>
    public ScenarioException(string source, string place, string text)
        : base(OneLine(place.Length == 0 ? $"{source}: {text}" : $"{source}: {place}: {text}"))
    {
    }

    // Bits of the file stand in it, and it goes to a terminal.
    private static string OneLine(string text) => string.Concat(text.Select(character => char.IsControl(character) ? ' ' : character));
}
