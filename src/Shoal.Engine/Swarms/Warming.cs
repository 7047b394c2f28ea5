using System.Runtime.InteropServices;
using Shoal.Engine.Picking;
using Shoal.Protocol;

namespace Shoal.Engine.Swarms;

/// <summary>
/// What an input will touch of a swarm, step by step (<see cref="IMachine.Warm"/>). How many lines are fetched of an object follows from
/// which of its fields are used; too few or too many cost time and nothing else.
/// </summary>
internal static class Warming
{
    /// <summary>The swarm's parts: the first step.</summary>
    public static void Parts(SwarmContext context, params ReadOnlySpan<object?> others)
    {
        Prefetch.Object(context, 4);
        foreach (var other in others)
        {
            Prefetch.Object(other, 2);
        }
    }

    /// <summary>All other steps.</summary>
    public static void Step(SwarmContext context, InputKind kind, LinkId link, PieceIndex piece, int step)
    {
        Content(context.Picker, piece, step);
        if (kind == InputKind.PieceWritten)
        {
            AllLinks(context.Connections, step);
        }
        else if (link != default)
        {
            Link(context, kind, link, step);
        }
    }

    private static void Content(PiecePicker? picker, PieceIndex piece, int step)
    {
        switch (step)
        {
            case 1:
                Prefetch.Object(picker, 2);
                break;
            case 2:
                Prefetch.Object(picker?.Pool, 2);
                Prefetch.Object(picker?.Missing, 2);
                break;
            case > 2:
                picker?.Pool.Warm(piece.Value, step - 3);
                break;
            default:
                break;
        }
    }

    private static void Link(SwarmContext context, InputKind kind, LinkId link, int step)
    {
        switch (step)
        {
            case 2:
                context.Warm(link);
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
    private static void AllLinks(List<PeerConnection> connections, int step)
    {
        switch (step)
        {
            case 1:
                Prefetch.Object(connections, 1);
                break;
            case 2 when connections.Count > 0:
                Prefetch.Element(in CollectionsMarshal.AsSpan(connections)[0], 4);
                break;
            case 4:
                foreach (var connection in connections)
                {
                    Prefetch.Object(connection, 6);
                }

                break;
            case 5:
                foreach (var connection in connections)
                {
                    Prefetch.Object(connection.Has, 2);
                }

                break;
            default:
                break;
        }
    }
}
