// The least that a transfer can cost in C#: no protocol, one thread a side, plain system calls.
//   send FILE            listens on a free port of 127.0.0.1, prints it, sends the file to the first who connects
//   receive PORT FILE    receives to the end, SHA-1 over each piece while it is in cache, writes it
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;

const int ReadLength = 256 * 1024;
const int PieceLength = 1024 * 1024;

if (args is ["send", var source])
{
    using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
    listener.Listen();
    Console.WriteLine(((IPEndPoint)listener.LocalEndPoint!).Port);
    using var peer = listener.Accept();
    peer.NoDelay = true;
    using var file = File.OpenHandle(source);
    var buffer = new byte[ReadLength];
    long offset = 0;
    int read;
    while ((read = RandomAccess.Read(file, buffer, offset)) > 0)
    {
        offset += read;
        for (var sent = 0; sent < read;)
        {
            sent += peer.Send(buffer.AsSpan(sent, read - sent));
        }
    }

    return 0;
}

if (args is ["receive", var port, var target])
{
    using var peer = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    peer.NoDelay = true;
    peer.Connect(IPAddress.Loopback, int.Parse(port, CultureInfo.InvariantCulture));
    using var file = File.OpenHandle(target, FileMode.Create, FileAccess.Write);
    using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA1);
    var piece = new byte[PieceLength];
    var digest = new byte[20];
    long offset = 0;
    while (true)
    {
        var filled = 0;
        while (filled < piece.Length)
        {
            var received = peer.Receive(piece.AsSpan(filled));
            if (received == 0)
            {
                break;
            }

            hash.AppendData(piece, filled, received);
            filled += received;
        }

        hash.GetHashAndReset(digest);
        RandomAccess.Write(file, piece.AsSpan(0, filled), offset);
        offset += filled;
        if (filled < piece.Length)
        {
            break;
        }
    }

    Console.WriteLine("done");
    return 0;
}

Console.Error.WriteLine("usage: send FILE | receive PORT FILE");
return 2;
