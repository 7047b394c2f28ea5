using System.Runtime.InteropServices;
using Shoal.Protocol;

namespace Shoal.Engine.Swarms;

/// <summary>
/// What an input will touch of a swarm, step by step (<see cref="IMachine.Warm"/>). How many lines are fetched of an object follows from
/// which of its fields are used; too few or too many cost time and nothing else.
/// </summary>
internal static class Warming
{
    /// <summary>Of so many links at most: more would push each other out again.</summary>
    private const int MaximumLinkCount = 64;

    /// <summary>The swarm's parts: the first step.</summary>
    public static void Parts(SwarmContext context, params ReadOnlySpan<object?> others)
    {
        Prefetch.Object(context, 4);
        foreach (var other in others)
        {
            Prefetch.Object(other, 2);
        }
    }

    /// <summary>All steps. In the first, nothing of the context is looked at: it is on its way.</summary>
    public static void Step(SwarmContext context, InputKind kind, LinkId link, PieceIndex piece, int step)
    {
        Content(context, piece, step);
        if (kind == InputKind.PieceWritten)
        {
            AllLinks(context, step);
        }
        else if (link != default)
        {
            Link(context, link, step);
        }
    }

    private static void Content(SwarmContext context, PieceIndex piece, int step)
    {
        switch (step)
        {
            case 1:
                Prefetch.Object(context.Picker, 2);
                break;
            case 2:
                Prefetch.Object(context.Picker?.Pool, 2);
                Prefetch.Object(context.Picker?.Missing, 2);
                break;
            case > 2:
                context.Picker?.Pool.Warm(piece.Value, step - 3);
                break;
            default:
                break;
        }
    }

    private static void Link(SwarmContext context, LinkId link, int step)
    {
        switch (step)
        {
            case 1 or 2:
                context.Warm(link, step - 1);
                break;
            case 3:
                Prefetch.Object(context.Find(link), 6);
                break;
            case 4 when context.Find(link) is { } connection:
                Prefetch.Object(connection.Has, 2);
                Prefetch.Object(connection.Pipeline, 1);
                break;
            default:
                break;
        }
    }

    // Each is told of the piece, and no longer wanted for it.
    private static void AllLinks(SwarmContext context, int step)
    {
        switch (step)
        {
            case 1:
                Prefetch.Object(context.Connections, 1);
                break;
            case 2 when context.Connections.Count > 0:
                Prefetch.Element(in CollectionsMarshal.AsSpan(context.Connections)[0], 4);
                break;
            case 4:
                foreach (var connection in FirstOf(context.Connections))
                {
                    Prefetch.Object(connection, 6);
                }

                break;
            case 5:
                foreach (var connection in FirstOf(context.Connections))
                {
                    Prefetch.Object(connection.Has, 2);
                }

                break;
            default:
                break;
        }
    }

    private static ReadOnlySpan<PeerConnection> FirstOf(List<PeerConnection> connections) =>
        CollectionsMarshal.AsSpan(connections)[..Math.Min(connections.Count, MaximumLinkCount)];
}
