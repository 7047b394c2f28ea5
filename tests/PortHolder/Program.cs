using System.Net;
using System.Net.Sockets;
using System.Text;
using Shoal.Engine.PortMapping;
using Shoal.Protocol.PortMapping;
using Shoal.Sockets.PortMapping;

// Holds a port open at the router, TCP and then UDP, until its standard input ends, says "hello" to whoever connects or sends it something, and
// prints what happens.
//
//   PortHolder PROTOCOL[,PROTOCOL…] PORT LIFETIME-SECONDS

var protocols = args[0].Split(',').Select(Enum.Parse<MappingProtocol>).ToArray();
var port = ushort.Parse(args[1]);
var listener = new TcpListener(IPAddress.Any, port);
listener.Start();
_ = Task.Run(async () =>
{
    while (true)
    {
        using var client = await listener.AcceptTcpClientAsync();
        await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes("hello\n"));
    }
});

var socket = new UdpClient(port, AddressFamily.InterNetwork);
_ = Task.Run(async () =>
{
    while (true)
    {
        var received = await socket.ReceiveAsync();
        await socket.SendAsync(Encoding.ASCII.GetBytes("hello\n"), received.RemoteEndPoint);
    }
});

var options = new PortMapperOptions { Protocols = protocols, Lifetime = TimeSpan.FromSeconds(int.Parse(args[2])) };
await using (var mapper = new PortMapper(options, Print))
{
    mapper.Map(PortTransport.Tcp, port);
    mapper.Start();
    mapper.Map(PortTransport.Udp, port);
    await Console.In.ReadToEndAsync();
}

Console.WriteLine("ended");

static void Print(PortMappingOutput output) => Console.WriteLine(output switch
{
    PortMappingOutput.Mapped { Port: var port } => $"mapped {port.Transport} {port.External} {port.ProtocolName}",
    PortMappingOutput.Renewed { Port: var port } => $"renewed {port.Transport} {port.External}",
    PortMappingOutput.Lost { Port: var port, Reason: var reason } => $"lost {port.Transport} {port.External}: {reason}",
    PortMappingOutput.Failed { Reason: var reason } => $"failed: {reason}",
    _ => output.ToString(),
});
