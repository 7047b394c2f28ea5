using System.Globalization;
using Shoal.Simulation.Fuzzing;

namespace FuzzSeeds;

/// <summary>Runs the cases of some seeds and prints, for each, what makes its run this one and no other.</summary>
internal static class Program
{
    private static int Main(string[] seeds)
    {
        foreach (var seed in seeds)
        {
            var outcome = Fuzzer.Run(ulong.Parse(seed, CultureInfo.InvariantCulture));
            Console.WriteLine(FormattableString.Invariant($"{seed} {outcome.EventHash:x16} {outcome.EventCount} {outcome.Failure ?? "-"}"));
        }

        return 0;
    }
}
