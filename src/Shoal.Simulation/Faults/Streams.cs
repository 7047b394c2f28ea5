using Shoal.Engine.Encryption;
using Shoal.Protocol;
using Shoal.Simulation.Peers;
using Shoal.Simulation.Scenarios;

namespace Shoal.Simulation.Faults;

/// <summary>
/// Has some links begin with the handshake of MSE, by lot. Of four peers, one does not encrypt at all, one insists on it, and two take what
/// comes; those who do not and those who insist speak to each other in the clear here, or they would be two swarms. What is checked: two
/// sides that do as they should agree, unless their link breaks, and neither waits for the other when nothing is on its way.
/// </summary>
internal sealed class Streams(World world, int percent)
{
    private const StreamMethods Both = StreamMethods.Rc4 | StreamMethods.Plain;

    /// <summary>Puts a test's bug into each side.</summary>
    public Func<IStreamSide, IStreamSide>? Plant { get; set; }

    /// <summary>A link has been accepted, and nothing was said on it yet.</summary>
    public void Joined(LinkEnd caller, LinkEnd accepted)
    {
        if (percent == 0 || world.Prng.Next(100) >= percent || PolicyOf(caller.Owner) == EncryptionPolicy.Off || PolicyOf(accepted.Owner) == EncryptionPolicy.Off)
        {
            return;
        }

        var mark = StreamHandshake.MarkOf(world.InfoHash);
        caller.Stream = New(caller.Owner, StreamHandshake.Initiate(world.InfoHash, MethodsOf(caller.Owner), Chance()));
        accepted.Stream = New(accepted.Owner, StreamHandshake.Respond(
            asked => asked == mark ? world.InfoHash : null, MethodsOf(accepted.Owner), Chance()));
    }

    /// <summary>Who called learns that the link is open, and speaks first.</summary>
    public void Greeted(LinkEnd caller)
    {
        if (caller.Stream is not null)
        {
            Say(caller);
        }
    }

    /// <summary>The owner says something.</summary>
    public void Send(LinkEnd end, ReadOnlySpan<byte> bytes) => Put(end, end.Stream!.Send(bytes));

    /// <summary>Something has come. Returns what of it is for the owner's codec.</summary>
    public ReadOnlySpan<byte> Receive(LinkEnd end, ReadOnlySpan<byte> bytes)
    {
        var (stream, other) = (end.Stream!, end.Other.Stream!);
        if (stream.IsAgreed)
        {
            return stream.Receive(bytes);
        }

        if (end.IsHungUp || end.IsClosed)
        {
            return default;
        }

        var plain = stream.Receive(bytes);
        var areTrue = stream.IsTrue && other.IsTrue;
        Safety.Require(!areTrue || stream.Failure is null, $"two sides that should agree on the encryption do not: {stream.Failure}");
        if (stream.Failure is not null || (stream.IsAgreed && !areTrue))
        {
            world.HangUp(end); // who got through with a false handshake is left where he is
            return default;
        }

        Say(end);
        Safety.Require(
            !areTrue || !stream.IsWaiting || !other.IsWaiting || end.Other.IsHungUp || end.Arrivals!.UnderWayCount + (end.Other.Arrivals?.UnderWayCount ?? 0) > 0,
            "both sides of a handshake of the encryption wait for each other");
        return plain;
    }

    // The end's handshake says what it has to say; and once it has agreed, its owner what waited.
    private void Say(LinkEnd end)
    {
        var stream = end.Stream!;
        Put(end, [.. stream.TakeOutput(), .. stream.Send([])]);
    }

    // By number, so that it is the same in all lives.
    private static EncryptionPolicy PolicyOf(VirtualPeer peer) => (peer.Number % 4) switch
    {
        1 => EncryptionPolicy.Require,
        2 => EncryptionPolicy.Off,
        _ => EncryptionPolicy.Prefer,
    };

    private static StreamMethods MethodsOf(VirtualPeer peer) => PolicyOf(peer) == EncryptionPolicy.Require ? StreamMethods.Rc4 : Both;

    private StreamEnd New(VirtualPeer owner, StreamHandshake handshake)
    {
        IStreamSide side = new StreamSide(handshake);
        var mangling = owner.Class.Behavior == Behavior.Honest ? Mangling.None : (Mangling)world.Prng.Next(Enum.GetValues<Mangling>().Length);
        return new StreamEnd(Plant?.Invoke(side) ?? side, mangling, world.Prng);
    }

    private byte[] Chance() => StreamEnd.Bytes(world.Prng, StreamHandshake.ChanceLength);

    private void Put(LinkEnd end, byte[] bytes)
    {
        if (bytes.Length > 0 && !end.IsHungUp)
        {
            world.Adversary!.Cut(end.Other, end.Latency, bytes);
        }
    }
}
