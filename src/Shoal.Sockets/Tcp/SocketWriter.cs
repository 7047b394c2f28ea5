using System.Net.Sockets;
using Shoal.Protocol.Encryption;

namespace Shoal.Sockets.Tcp;

/// <summary>
/// Writes one buffer at a time to a non-blocking socket: at once as far as the kernel takes it, the rest when there is
/// room, and then calls back. A cipher, if there is one, is applied in the buffer. Not thread-safe: whoever has the one send
/// that is under way owns it.
/// </summary>
internal sealed class SocketWriter(Socket socket, Rc4? cipher, Action<SocketError> finished)
{
    private SocketAsyncEventArgs? _args;

    /// <summary>
    /// True: all is out. False with an error: it failed. False with <see cref="SocketError.Success"/>: the callback tells later.
    /// </summary>
    public bool Write(byte[] buffer, int length, out SocketError error)
    {
        cipher?.Apply(buffer.AsSpan(0, length));
        try
        {
            var sent = Math.Max(0, socket.Send(buffer.AsSpan(0, length), SocketFlags.None, out error));
            if (error is not (SocketError.Success or SocketError.WouldBlock))
            {
                return false;
            }

            error = SocketError.Success;
            if (sent == length)
            {
                return true;
            }

            var args = Arguments();
            args.SetBuffer(buffer, sent, length - sent);
            if (socket.SendAsync(args))
            {
                return false;
            }

            error = args.SocketError;
            return error == SocketError.Success;
        }
        catch (ObjectDisposedException)
        {
            error = SocketError.OperationAborted;
            return false;
        }
    }

    private SocketAsyncEventArgs Arguments()
    {
        if (_args is null)
        {
            _args = new SocketAsyncEventArgs(true); // no execution context
            _args.Completed += (_, args) => finished(args.SocketError);
        }

        return _args;
    }
}
