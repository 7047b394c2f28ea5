using Shoal.Protocol;

namespace Shoal.Engine.Swarms;

/// <summary>
/// Pieces that come by other ways than links, and pieces whose being wanted changes: in a job that reads and checks while
/// it transfers, it turns out piece by piece what is there.
/// </summary>
internal sealed class OtherWays(Swarm swarm, SwarmContext context, Uploader uploader)
{
    /// <summary>The piece lies in its place, verified.</summary>
    public void Found(PieceIndex piece)
    {
        var picker = context.Picker!;
        if (picker.Have[piece] || picker.Find(piece) is not null)
        {
            return;
        }

        if (!picker.IsInteresting(piece))
        {
            picker.SetWanted(piece, true);
            swarm.Interest.CountWanted(piece);
        }

        picker.MarkHave(piece);
        uploader.Found(piece);
        swarm.PieceCompleted(piece);
    }

    /// <summary>The user, or the job, wants the piece, or wants it no more.</summary>
    public void SetWanted(PieceIndex piece, bool isWanted)
    {
        var picker = context.Picker!;
        if (picker.IsInteresting(piece) == isWanted || picker.Have[piece])
        {
            return;
        }

        picker.SetWanted(piece, isWanted);
        swarm.Interest.WantedChanged(piece, isWanted);
        swarm.UpdatePhase();
        swarm.Downloader.FillAll();
    }
}
