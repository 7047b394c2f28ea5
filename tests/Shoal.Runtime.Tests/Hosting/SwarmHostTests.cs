using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Shoal.Engine;
using Shoal.Protocol;
using Shoal.Protocol.Wire;
using Shoal.Runtime.Hosting;

namespace Shoal.Runtime.Tests.Hosting;

public sealed class SwarmHostTests
{
    private static readonly SwarmId Swarm = new(3);
    private static readonly LinkId Link = LinkId.Outgoing(1);
    private static readonly PieceLayout Layout = new(200_000, 65536);
    private static readonly BlockRequest Block = new(new PieceIndex(0), 0, 16384);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly NotingTransport _transport = new();

    [Fact]
    public async Task Whoever_posts_finds_its_turn_done_when_nobody_else_runs_one()
    {
        var machine = new ScriptedMachine();
        await using var host = new SwarmHost(machine, _transport);
        host.Post(new Input(InputKind.Start, Swarm));
        Assert.Equal(InputKind.Start, Assert.Single(machine.Told).Kind);
    }

    [Fact]
    public async Task Inputs_of_each_poster_keep_their_order_and_turns_never_overlap()
    {
        var machine = new ScriptedMachine();
        await using var host = new SwarmHost(machine, _transport, new SwarmHostOptions { MailboxCapacity = 8 });
        var posters = Enumerable.Range(0, 6).Select(poster => Task.Run(() =>
        {
            for (var i = 0; i < 2000; i++)
            {
                host.Post(new Input(InputKind.PeerFound, new SwarmId(poster), Count: i));
            }
        }));
        await Task.WhenAll(posters).WaitAsync(Patience);
        await host.AskAsync(() => true).WaitAsync(Patience);
        Assert.Equal(12_000, machine.Told.Count);
        foreach (var ofPoster in machine.Told.GroupBy(input => input.Swarm))
        {
            Assert.Equal(Enumerable.Range(0, 2000), ofPoster.Select(input => input.Count));
        }

        Assert.False(host.Completion.IsCompleted);
    }

    [Fact]
    public async Task A_full_mailbox_holds_others_up_until_the_turn_gets_on()
    {
        using var isInside = new ManualResetEventSlim();
        using var goOn = new ManualResetEventSlim();
        var machine = new ScriptedMachine(input =>
        {
            if (input.Kind == InputKind.Start)
            {
                isInside.Set();
                goOn.Wait(Patience);
            }

            return [];
        });
        await using var host = new SwarmHost(machine, _transport, new SwarmHostOptions { MailboxCapacity = 4 });
        var runner = Task.Run(() => host.Post(new Input(InputKind.Start, Swarm)));
        Assert.True(isInside.Wait(Patience));
        var posted = 0;
        var other = Task.Run(() =>
        {
            for (; posted < 10; Interlocked.Increment(ref posted))
            {
                host.Post(new Input(InputKind.PeerFound, Swarm));
            }
        });
        Assert.True(SpinWait.SpinUntil(() => Volatile.Read(ref posted) == 4, Patience));
        Assert.False(other.IsCompleted);
        goOn.Set();
        await Task.WhenAll(runner, other).WaitAsync(Patience);
        await host.AskAsync(() => true).WaitAsync(Patience);
        Assert.Equal(11, machine.Told.Count);
    }

    [Fact]
    public async Task An_exception_out_of_the_machine_stops_the_host_and_is_seen()
    {
        var machine = new ScriptedMachine(_ => throw new InvalidOperationException("broken"));
        await using var host = new SwarmHost(machine, _transport);
        host.Post(new Input(InputKind.Start, Swarm));
        var exception = await Assert.ThrowsAsync<InvalidOperationException>(() => host.Completion.WaitAsync(Patience));
        Assert.Equal("broken", exception.Message);
        host.Post(new Input(InputKind.Start, Swarm)); // falls on deaf ears
        await Assert.ThrowsAsync<ObjectDisposedException>(() => host.AskAsync(() => 1).WaitAsync(Patience));
    }

    [Fact]
    public async Task Disposing_ends_the_completion_well_and_closes_links()
    {
        var host = new SwarmHost(new ScriptedMachine(Connecting), _transport);
        host.Post(new Input(InputKind.Start, Swarm));
        await host.DisposeAsync();
        await host.Completion.WaitAsync(Patience);
        Assert.Equal(["close the host has stopped"], _transport.Links[Link].Notes);
    }

    [Fact]
    public async Task The_deadline_is_kept_without_any_other_input()
    {
        var fired = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        ScriptedMachine machine = null!;
        SwarmHost host = null!;
        machine = new ScriptedMachine(input =>
        {
            if (input.Kind == InputKind.Start)
            {
                machine.Deadline = host.Now + TimeSpan.FromSeconds(3600);
            }
            else if (input.Kind == InputKind.Stop)
            {
                machine.Deadline = host.Now + TimeSpan.FromMilliseconds(20);
            }
            else if (input.Kind == InputKind.Timer)
            {
                fired.TrySetResult();
            }

            return [];
        });
        await using var owned = host = new SwarmHost(machine, _transport);
        host.Post(new Input(InputKind.Start, Swarm));
        host.Post(new Input(InputKind.Stop, Swarm)); // the deadline moves nearer
        await fired.Task.WaitAsync(Patience);
    }

    [Fact]
    public async Task Deeds_of_a_turn_are_done_in_order_and_flushed_once_per_link()
    {
        var machine = new ScriptedMachine(input => input.Kind switch
        {
            InputKind.Start => [.. Connecting(input), Send(PeerMessageKind.Interested)],
            InputKind.LinkOpened => [Send(PeerMessageKind.Unchoke), Request(Block), Deed(OutputKind.Upload, PeerMessage.Request(Block)), Send(PeerMessageKind.Choke)],
            _ => [],
        });
        await using var host = new SwarmHost(machine, _transport);
        Attach(host, new MemoryStore(Layout));
        host.Post([new Input(InputKind.Start, Swarm), new Input(InputKind.LinkOpened, Link: Link)]);
        Assert.Equal(
            ["send Interested", "send Unchoke", $"request {Block}", $"upload {Block}", "send Choke", "flush"],
            _transport.Links[Link].Notes);
    }

    [Fact]
    public async Task Nothing_comes_from_a_link_after_its_end()
    {
        var machine = new ScriptedMachine(Connecting);
        await using var host = new SwarmHost(machine, _transport);
        host.Post([
            new Input(InputKind.Start, Swarm),
            new Input(InputKind.LinkClosed, Link: Link, Detail: "gone"),
            new Input(InputKind.Message, Link: Link),
            new Input(InputKind.BlockReceived, Link: Link),
            new Input(InputKind.BlocksSent, Link: Link),
        ]);
        Assert.Equal([InputKind.Start, InputKind.LinkClosed], machine.Told.Select(input => input.Kind));
    }

    [Fact]
    public async Task A_block_that_is_forgotten_while_its_news_waits_is_told_as_discarded()
    {
        var machine = new ScriptedMachine(input => input.Kind switch
        {
            InputKind.Start => [.. Connecting(input), Request(Block)],
            InputKind.Stop => [Deed(OutputKind.Forget, PeerMessage.Request(Block))],
            _ => [],
        });
        await using var host = new SwarmHost(machine, _transport);
        Attach(host, new MemoryStore(Layout));
        host.Post(new Input(InputKind.Start, Swarm));
        _transport.Links[Link].Expected.Clear(); // it came in
        var came = new Input(InputKind.BlockReceived, Link: Link, Message: PeerMessage.Request(Block), Slot: new BufferSlot(0));
        host.Post([new Input(InputKind.Stop, Swarm), came, came]);
        Assert.Equal(
            [InputKind.Start, InputKind.Stop, InputKind.BlockDiscarded, InputKind.BlockReceived],
            machine.Told.Select(input => input.Kind));
    }

    [Fact]
    public async Task An_incoming_link_is_driven_as_one_that_was_asked_for()
    {
        var incoming = LinkId.Incoming(1);
        var link = new NotingLink();
        var machine = new ScriptedMachine(input => input.Kind == InputKind.LinkOpened
            ? [new Output(OutputKind.Send, Swarm, incoming, new PeerMessage(PeerMessageKind.Choke)), new Output(OutputKind.CloseLink, Swarm, incoming, Detail: "full")]
            : []);
        await using var host = new SwarmHost(machine, _transport);
        host.Post(new Input(InputKind.LinkOpened, Link: incoming, Detail: link));
        Assert.Null(Assert.Single(machine.Told).Detail);
        Assert.Equal(["send Choke", "close full", "flush"], link.Notes);
    }

    [Fact]
    public async Task A_piece_is_hashed_and_written_from_its_slot()
    {
        var store = new MemoryStore(Layout);
        var (host, _, answers) = PieceHost(store);
        await using var owned = host;
        var content = RandomNumberGenerator.GetBytes(65536);
        FillSlot(content);
        host.Post(new Input(InputKind.PeerFound, Swarm, Detail: OutputKind.Hash));
        var hashed = await Next(answers);
        Assert.Equal((InputKind.PieceHashed, new PieceHash(SHA1.HashData(content))), (hashed.Kind, hashed.Hash));
        host.Post(new Input(InputKind.PeerFound, Swarm, Detail: OutputKind.Write));
        Assert.Equal(InputKind.PieceWritten, (await Next(answers)).Kind);
        Assert.Equal(content, store.Content[..65536]);
    }

    [Fact]
    public async Task Blocks_are_spilled_in_runs_and_restored()
    {
        var store = new MemoryStore(Layout);
        var blocks = new Bitfield(4);
        blocks.Set(0);
        blocks.Set(2);
        blocks.Set(3);
        var (host, _, answers) = PieceHost(store, blocks);
        await using var owned = host;
        var content = RandomNumberGenerator.GetBytes(65536);
        FillSlot(content);
        host.Post(new Input(InputKind.PeerFound, Swarm, Detail: OutputKind.Spill));
        Assert.Equal(InputKind.BlocksSpilled, (await Next(answers)).Kind);
        Assert.Equal([(0, 16384), (32768, 32768)], store.Writes);
        Assert.Equal(new byte[16384], store.Content[16384..32768]);

        FillSlot(new byte[65536]);
        host.Post(new Input(InputKind.PeerFound, Swarm, Detail: OutputKind.Restore));
        Assert.Equal(InputKind.BlocksRestored, (await Next(answers)).Kind);
        host.Post(new Input(InputKind.PeerFound, Swarm, Detail: OutputKind.Hash));
        content.AsSpan(16384, 16384).Clear();
        Assert.Equal(new PieceHash(SHA1.HashData(content)), (await Next(answers)).Hash);
    }

    [Fact]
    public async Task A_disk_that_fails_is_told_with_its_reason_and_works_again()
    {
        var store = new MemoryStore(Layout) { Fault = "the disk is full" };
        var (host, _, answers) = PieceHost(store);
        await using var owned = host;
        host.Post(new Input(InputKind.PeerFound, Swarm, Detail: OutputKind.Write));
        var failed = await Next(answers);
        Assert.Equal((InputKind.WriteFailed, "the disk is full"), (failed.Kind, (string)failed.Detail!));
        store.Fault = null;
        host.Post(new Input(InputKind.PeerFound, Swarm, Detail: OutputKind.Write));
        Assert.Equal(InputKind.PieceWritten, (await Next(answers)).Kind);
    }

    [Fact]
    public async Task More_slots_than_allowed_are_an_error_of_ours()
    {
        var slot = 0;
        var machine = new ScriptedMachine(input => input.Kind == InputKind.Start
            ? [.. Connecting(input)]
            : [new Output(OutputKind.Request, Swarm, Link, PeerMessage.Request(Block), new BufferSlot(slot++))]);
        await using var host = new SwarmHost(machine, _transport, new SwarmHostOptions { MaximumSlotBytes = 2 * 65536 });
        Attach(host, new MemoryStore(Layout));
        host.Post(new Input(InputKind.Start, Swarm));
        for (var i = 0; i < 2; i++)
        {
            host.Post(new Input(InputKind.Stop, Swarm));
            _transport.Links[Link].Expected.Clear();
            Assert.False(host.Completion.IsCompleted);
        }

        host.Post(new Input(InputKind.Stop, Swarm));
        await Assert.ThrowsAsync<InvalidOperationException>(() => host.Completion.WaitAsync(Patience));
    }

    private static IEnumerable<Output> Connecting(Input input) =>
        input.Kind == InputKind.Start ? [new Output(OutputKind.Connect, Swarm, Link, Address: PeerAddress.FromRank(1))] : [];

    private static Output Send(PeerMessageKind kind) => Deed(OutputKind.Send, new PeerMessage(kind));

    private static Output Request(BlockRequest block) => new(OutputKind.Request, Swarm, Link, PeerMessage.Request(block), new BufferSlot(0));

    private static Output Deed(OutputKind kind, PeerMessage message) => new(kind, Swarm, Link, message);

    private static void Attach(SwarmHost host, IPieceStore store) =>
        host.Attach(Swarm, new SwarmResources { Layout = Layout, Store = store });

    // A host with one piece requested; PeerFound with an OutputKind has that done to it.
    private (SwarmHost Host, ScriptedMachine Machine, BlockingCollection<Input> Answers) PieceHost(IPieceStore store, object? detail = null)
    {
        var answers = new BlockingCollection<Input>();
        var machine = new ScriptedMachine(input =>
        {
            if (input.Kind == InputKind.Start)
            {
                return [.. Connecting(input), Request(Block)];
            }

            if (input.Detail is OutputKind kind)
            {
                return [new Output(kind, Swarm, Message: PeerMessage.Have(new PieceIndex(0)), Slot: new BufferSlot(0), Detail: detail)];
            }

            answers.Add(input);
            return [];
        });
        var host = new SwarmHost(machine, _transport);
        Attach(host, store);
        host.Post(new Input(InputKind.Start, Swarm));
        return (host, machine, answers);
    }

    private void FillSlot(byte[] content) => Marshal.Copy(content, 0, _transport.Links[Link].Expected[Block], content.Length);

    private static Task<Input> Next(BlockingCollection<Input> answers) =>
        Task.Run(() => answers.TryTake(out var input, Patience) ? input : throw new TimeoutException());
}
