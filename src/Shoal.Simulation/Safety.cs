using Shoal.Protocol;

namespace Shoal.Simulation;

/// <summary>What may never happen, whatever peers, disks and networks do. Checked in every run.</summary>
internal static class Safety
{
    public static void Require(bool holds, string rule, PieceIndex piece)
    {
        if (!holds)
        {
            throw new SafetyException($"{rule} (piece {piece.Value})");
        }
    }

    public static void Require(bool holds, string rule)
    {
        if (!holds)
        {
            throw new SafetyException(rule);
        }
    }
}

/// <summary>The engine did what it must never do. The message says what.</summary>
public sealed class SafetyException(string message) : Exception(message);
