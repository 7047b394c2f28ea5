using System.Globalization;
using Shoal.Simulation.Fuzzing;

namespace FuzzSeeds;

/// <summary>Runs the cases of some seeds in all worlds and prints, for each, what makes its run this one and no other.</summary>
internal static class Program
{
    private static int Main(string[] seeds)
    {
        foreach (var seed in seeds.Select(seed => ulong.Parse(seed, CultureInfo.InvariantCulture)))
        {
            foreach (var world in FuzzWorlds.All)
            {
                var outcome = Fuzzer.Run(Fuzzer.CaseOf(world, seed)!);
                Console.WriteLine(FormattableString.Invariant($"{world} {seed} {outcome.EventHash:x16} {outcome.EventCount} {outcome.Failure ?? "-"}"));
            }
        }

        return 0;
    }
}
