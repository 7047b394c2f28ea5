using Shoal.Engine.Encryption;

namespace Shoal.Simulation.Faults;

/// <summary>A side's machine of the handshake of MSE, as its driver sees it; a test puts a bug in its place.</summary>
internal interface IStreamSide
{
    StreamHandshakeState State { get; }

    string? Failure { get; }

    StreamAgreement? Result { get; }

    void Receive(ReadOnlySpan<byte> bytes);

    byte[] TakeOutput();
}

/// <summary>The production machine.</summary>
internal sealed class StreamSide(StreamHandshake handshake) : IStreamSide
{
    public StreamHandshakeState State => handshake.State;

    public string? Failure => handshake.Failure;

    public StreamAgreement? Result => handshake.Result;

    public void Receive(ReadOnlySpan<byte> bytes) => handshake.Receive(bytes);

    public byte[] TakeOutput() => handshake.TakeOutput();
}
