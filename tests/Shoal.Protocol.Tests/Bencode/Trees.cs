using FsCheck;
using FsCheck.Fluent;

namespace Shoal.Protocol.Tests.Bencode;

/// <summary>Random trees and random damage for properties.</summary>
internal static class Trees
{
    private static readonly Gen<string> Text =
        Gen.Choose(0, 255).Select(value => (char)value).ArrayOf().Select(characters => new string(characters));

    private static readonly Gen<Tree> Leaf = Gen.OneOf(
        Gen.OneOf(
            Gen.Choose(-20, 20).Select(value => (long)value),
            Gen.Elements(long.MinValue, long.MaxValue, 0, -1, 10, uint.MaxValue),
            ArbMap.Default.GeneratorFor<long>()).Select(value => (Tree)new Tree.Number(value)),
        Text.Select(text => (Tree)new Tree.Bytes(text)));

    public static Arbitrary<Tree> Any { get; } = Gen.Sized(size => Node(Math.Min(size, 30))).ToArbitrary();

    private static Gen<Tree> Node(int size) => size < 2
        ? Leaf
        : Gen.OneOf(
            Leaf,
            Node(size / 3).ListOf(3).Select(items => (Tree)new Tree.Sequence([.. items])),
            Gen.Zip(Text, Node(size / 3)).ListOf(4).Select(pairs => (Tree)new Tree.Map(
                [.. pairs.DistinctBy(pair => pair.Item1).OrderBy(pair => pair.Item1, StringComparer.Ordinal)])));
}
