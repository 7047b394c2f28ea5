namespace Shoal.Mpi.Copying;

/// <summary>
/// Who is linked with whom. Few copies: all with all. Many: a ring, with chords to those at a distance of 2, 4, 8, …, so that a piece
/// is near to everybody and no rank has more links than twice the logarithm of their number; and all of one node with each other.
/// </summary>
internal static class CopyLinks
{
    /// <summary>Up to so many copies all are linked with all.</summary>
    public const int FullMeshCount = 64;

    /// <summary>Whom a rank calls; the others call it. Both ends of a link come to the same view of it.</summary>
    /// <param name="rank">The rank.</param>
    /// <param name="peers">All that take part, in order.</param>
    /// <param name="leaders">For each rank the lowest on its node.</param>
    /// <param name="fullMeshCount">See <see cref="FullMeshCount"/>.</param>
    public static IEnumerable<int> CalledBy(int rank, int[] peers, IReadOnlyList<int> leaders, int fullMeshCount = FullMeshCount)
    {
        var self = Array.IndexOf(peers, rank);
        for (var i = 0; i < self; i++)
        {
            var distance = self - i;
            if (peers.Length <= fullMeshCount || int.IsPow2(distance) || int.IsPow2(peers.Length - distance) || leaders[peers[i]] == leaders[rank])
            {
                yield return peers[i];
            }
        }
    }
}
