using System.Text;
using System.Text.Json;
using Shoal.Engine.Jobs;
using Shoal.Mpi.Links;

namespace Shoal.Mpi.Jobs.Run;

/// <summary>Job messages as bytes, and as lines of a trace.</summary>
public class JobCodecTests
{
    private static readonly JobFile File = new("datei ü", 5, 2, new byte[60]);

    // Each message, its kind, its tag from a peer, and what a trace says of it.
    public static TheoryData<JobMessage, string, int, string> Messages => new()
    {
        { new JobMessage.Register([File, new JobFile("empty", 0, 1, Array.Empty<byte>())]), "register", Tags.TrackerRequest, """{"files":2,"segments":3}""" },
        { new JobMessage.Refuse("no"), "refuse", Tags.TrackerRequest, """{"reason":"no"}""" },
        { new JobMessage.Registered(), "registered", Tags.TrackerRequest, "{}" },
        { new JobMessage.HashesRequest("a"), "hashes-request", Tags.TrackerRequest, """{"file":"a"}""" },
        { new JobMessage.Hashes(new JobFile("a", 5, 2, new byte[60])), "hashes", Tags.TrackerRequest, """{"file":"a","segments":3}""" },
        { new JobMessage.Unavailable("a", "nobody"), "unavailable", Tags.TrackerRequest, """{"file":"a","reason":"nobody"}""" },
        { new JobMessage.SwarmRequest("a"), "swarm-request", Tags.TrackerRequest, """{"file":"a"}""" },
        { new JobMessage.Swarm("a", [3, 1]), "swarm", Tags.TrackerRequest, """{"file":"a","holders":[3,1]}""" },
        { new JobMessage.Requested([new RankCount(1, 7), new RankCount(4, 3)]), "requested", Tags.TrackerRequest, """{"ranks":[1,4],"counts":[7,3]}""" },
        { new JobMessage.LoadRequest(9), "load-request", Tags.Load, """{"round":9}""" },
        { new JobMessage.Load(9, 1L << 40), "load", Tags.Load, """{"round":9,"uploaded":1099511627776}""" },
        { new JobMessage.FileComplete("a"), "file-complete", Tags.TrackerRequest, """{"file":"a"}""" },
        { new JobMessage.FileFailed("a", 2, "disk"), "file-failed", Tags.TrackerRequest, """{"file":"a","rank":2,"reason":"disk"}""" },
        { new JobMessage.AllComplete(), "all-complete", Tags.TrackerRequest, "{}" },
        { new JobMessage.Stop(true, ["x", "y"]), "stop", Tags.TrackerRequest, """{"failures":2}""" },
    };

    [Theory]
    [MemberData(nameof(Messages))]
    public void A_message_is_the_same_after_its_way(JobMessage message, string kind, int tag, string fields)
    {
        var bytes = JobCodec.Write(message);
        Assert.Equal(JobCodec.Write(JobCodec.Read(3, bytes)), bytes);
        Assert.Equal(message.GetType(), JobCodec.Read(3, bytes).GetType());
        Assert.Equal(kind, JobCodec.KindOf(bytes));
        Assert.Equal(tag, JobCodec.TagOf(from: 3, message));
        Assert.Equal(tag == Tags.Load ? tag : Tags.TrackerReply, JobCodec.TagOf(from: 0, message));
        Assert.Equal(fields, Describe(JobCodec.Read(3, bytes)));
    }

    [Theory]
    [MemberData(nameof(Messages))]
    public void A_message_that_is_cut_short_or_too_long_is_refused_with_the_rank_that_sent_it(JobMessage message, string kind, int tag, string fields)
    {
        _ = (kind, tag, fields);
        var bytes = JobCodec.Write(message);
        for (var length = 0; length < bytes.Length; length++)
        {
            Assert.StartsWith(
                "rank 3 sent a job message that cannot be read",
                Assert.Throws<MpiException>(() => JobCodec.Read(3, bytes.AsMemory(0, length))).Message,
                StringComparison.Ordinal);
        }

        Assert.Throws<MpiException>(() => JobCodec.Read(3, (byte[])[.. bytes, 0]));
    }

    [Fact]
    public void An_unknown_kind_is_refused() => Assert.Throws<MpiException>(() => JobCodec.Read(3, new byte[] { 99 }));

    [Fact]
    public void A_file_keeps_all_that_it_is()
    {
        var read = Assert.IsType<JobMessage.Hashes>(JobCodec.Read(0, JobCodec.Write(new JobMessage.Hashes(File)))).File;
        Assert.Equal(File, read);
        Assert.Equal(File.InfoHash(), read.InfoHash());
    }

    [Fact]
    public void No_two_classes_of_messages_share_a_tag()
    {
        int[] tags = [Tags.Control, Tags.TrackerRequest, Tags.TrackerReply, Tags.Load, Tags.Progress];
        Assert.Equal(tags.Length, tags.Distinct().Count());
        Assert.All(tags, tag => Assert.InRange(tag, 1, Tags.FirstPayload - 1));
        Assert.True(Tags.FirstPayload + Tags.ReplySlotCount <= 32767);
    }

    private static string Describe(JobMessage message)
    {
        using var stream = new MemoryStream();
        using (var writer = new Utf8JsonWriter(stream))
        {
            writer.WriteStartObject();
            JobCodec.Describe(message, writer);
            writer.WriteEndObject();
        }

        return Encoding.UTF8.GetString(stream.ToArray());
    }
}
