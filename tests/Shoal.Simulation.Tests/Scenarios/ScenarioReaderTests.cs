using System.Text;
using Shoal.Engine.Swarms;
using Shoal.Simulation.Scenarios;

namespace Shoal.Simulation.Tests.Scenarios;

/// <summary>A scenario file says what its writer meant, or one line says where it does not.</summary>
public class ScenarioReaderTests
{
    private const string Seeder = """{"name":"s","seeder":true,"up":"1Gbit"}""";
    private const string Leecher = """{"name":"l","up":"1Mbit"}""";

    [Fact]
    public void The_shortest_scenario_has_the_documented_defaults()
    {
        var scenario = Read($$"""{"size":"1GiB","classes":[{{Seeder}},{{Leecher}}]}""");
        Assert.Equal("test", scenario.Name);
        Assert.Equal(1UL, scenario.Seed);
        Assert.Equal(1L << 30, scenario.ContentLength);
        Assert.Null(scenario.PieceLength);
        Assert.Equal(TimeSpan.FromDays(1), scenario.Limit);
        Assert.Equal(new SwarmModel(), scenario.Swarm);
        Assert.Equal(new TrackerModel(), scenario.Tracker);
        Assert.Equal(new PeerClass { Name = "l", UpBytesPerSecond = 125_000, DownBytesPerSecond = 125_000 }, scenario.Classes[1]);
    }

    [Fact]
    public void Every_field_is_read()
    {
        var scenario = Read("""
            { // notes are allowed
              "$schema": "x", "name": "all", "description": "d", "seed": 18446744073709551615, "size": 1000000, "pieceLength": "64KiB",
              "blockLength": "32KiB", "limit": "2h",
              "classes": [
                { "name": "s", "seeder": true, "up": "1Gbit", "down": "2Gbit" },
                { "name": "l", "count": 40, "up": "8bit", "down": "1MB/s", "latency": "7ms", "joinAt": "3s", "joinWithin": "4s", "stay": "5s",
                  "lifetime": "6s", "zone": "eu", "rackSize": 8, "rackRate": "10Gbit", "disk": "90MB/s", "behavior": "free-rider" },
                { "name": "p", "up": "1Mbit", "arrivalsPerSecond": 0.5 },
              ],
              "zones": [{ "name": "eu", "up": "1Gbit", "down": "3Gbit", "latency": "20ms" }],
              "tracker": { "interval": "1min", "latency": "9ms" },
              "swarm": { "policy": "swarm", "job": false, "trusted": true, "connections": 33, "uploadSlots": 5 },
              "faults": [
                { "kind": "crash", "at": "1s", "for": "2s", "class": "l", "count": 3 },
                { "kind": "partition", "at": "1s", "for": "2s", "zone": "eu" },
                { "kind": "slow-disk", "at": "1s", "for": "2s", "class": "p" },
                { "kind": "full-disk", "at": "1s", "for": "2s", "class": "p" },
                { "kind": "tracker-down", "at": "1s", "for": "2s" },
              ],
            }
            """);
        Assert.Equal(("all", ulong.MaxValue, 1_000_000L, 65_536, 32_768), (scenario.Name, scenario.Seed, scenario.ContentLength, scenario.PieceLength, scenario.BlockLength));
        Assert.Equal(
            new PeerClass
            {
                Name = "l", Count = 40, UpBytesPerSecond = 1, DownBytesPerSecond = 1_000_000, Latency = TimeSpan.FromMilliseconds(7),
                JoinAt = TimeSpan.FromSeconds(3), JoinWithin = TimeSpan.FromSeconds(4), StayAfterCompletion = TimeSpan.FromSeconds(5),
                MeanLifetime = TimeSpan.FromSeconds(6), Zone = "eu", RackSize = 8, RackBytesPerSecond = 1_250_000_000, DiskBytesPerSecond = 90_000_000,
                Behavior = Behavior.FreeRider,
            },
            scenario.Classes[1]);
        Assert.Equal(0.5, scenario.Classes[2].ArrivalsPerSecond);
        Assert.Equal([new Zone("eu", 125_000_000, 375_000_000, TimeSpan.FromMilliseconds(20))], scenario.Zones);
        Assert.Equal(new TrackerModel { Interval = TimeSpan.FromMinutes(1), Latency = TimeSpan.FromMilliseconds(9) }, scenario.Tracker);
        Assert.Equal(new SwarmModel { IsTrusted = true, MaximumConnectionCount = 33, UploadSlotCount = 5 }, scenario.Swarm);
        Assert.Equal([FaultKind.Crash, FaultKind.Partition, FaultKind.SlowDisk, FaultKind.FullDisk, FaultKind.TrackerDown], scenario.Faults.Select(fault => fault.Kind));
        Assert.Equal(
            new Fault { Kind = FaultKind.Crash, At = TimeSpan.FromSeconds(1), Duration = TimeSpan.FromSeconds(2), Class = "l", Count = 3 }, scenario.Faults[0]);
    }

    [Theory]
    [InlineData("swarm", false)]
    [InlineData("random", true)]
    [InlineData("least-requested", true)]
    [InlineData("least-uploaded", true)]
    [InlineData("tracker-polled", true)]
    public void The_policies_are_those_of_jobs_and_all_but_swarm_run_as_one(string policy, bool isJob)
    {
        var swarm = Read($$$"""{"size":1,"classes":[{{{Seeder}}},{{{Leecher}}}],"swarm":{"policy":"{{{policy}}}"}}""").Swarm;
        Assert.Equal((policy, isJob), (BalancePolicies.NameOf(swarm.Policy), swarm.IsJob));
    }

    [Fact]
    public void Swarm_runs_as_a_job_where_that_is_said() =>
        Assert.True(Read($$$"""{"size":1,"classes":[{{{Seeder}}},{{{Leecher}}}],"swarm":{"job":true}}""").Swarm.IsJob);

    public static TheoryData<string, string> Wrong => new()
    {
        { "", "line 1, column 1: not JSON: The input does not contain any JSON tokens. Expected the input to start with a valid JSON token, when isFinalBlock is true" },
        { "{\n  size", "line 2, column 3: not JSON: 's' is an invalid start of a property name. Expected a '\"'" },
        { "[]", "'[]' is not an object {…}" },
        { "{}", "'size' is missing" },
        { """{"size":"big"}""", """size: 'big' is not a size such as "256KiB", "10GiB" or "3GB" """ },
        { """{"size":"1","size":"2"}""", "size: is there twice" },
        { """{"sizes":"1"}""", "there is no field 'sizes'; did you mean 'size'?" },
        { """{"size":1,"speed":1}""", "there is no field 'speed'; did you mean 'seed'?" },
        { """{"size":1,"quux":1}""", "there is no field 'quux'; there are name, description, seed, size, pieceLength, blockLength, classes, zones, tracker, swarm, faults, limit" },
        { """{"size":1,"seed":-1}""", "seed: '-1' is not a whole number of at least 0" },
        { """{"size":1,"limit":5}""", """limit: '5' is not a time such as "5ms", "10s", "2min" or "1h" """ },
        { """{"size":1,"classes":{}}""", "classes: '{}' is not an array […]" },
        { """{"size":1,"classes":[]}""", "classes: 0 classes is below 1, the least there may be" },
        { """{"size":1,"classes":[5]}""", "classes[0]: '5' is not an object {…}" },
        { """{"size":1,"classes":[{"name":"s"}]}""", "classes[0]: 'up' is missing" },
        { $$"""{"size":1,"classes":[{{Seeder}},{"name":"l","up":"fast"}]}""", """classes[1].up: 'fast' is not a rate such as "100Mbit", "1Gbit" or "500MB/s" """ },
        { $$"""{"size":1,"classes":[{{Seeder}},{"name":"l","up":"1Mbit","lattency":"1s"}]}""", "classes[1]: there is no field 'lattency'; did you mean 'latency'?" },
        { $$"""{"size":1,"classes":[{{Seeder}},{"name":"l","up":"1Mbit","count":1.5}]}""", "classes[1].count: '1.5' is not a whole number" },
        { $$"""{"size":1,"classes":[{{Seeder}},{"name":"l","up":"1Mbit","count":0}]}""", "classes[1].count: 0 is below 1, the least there may be" },
        { $$"""{"size":1,"classes":[{{Seeder}},{"name":"l","up":"1Mbit","seeder":"no"}]}""", "classes[1].seeder: 'no' is neither true nor false" },
        { $$"""{"size":1,"classes":[{{Seeder}},{"name":"","up":"1Mbit"}]}""", "classes[1].name: must be 1 to 64 characters, without control characters or blanks at its ends" },
        { $$"""{"size":1,"classes":[{{Seeder}},{"name":"\ud800","up":"1Mbit"}]}""", "classes[1].name: half of a surrogate pair is no text" },
        { """{"\ud800":1}""", "half of a surrogate pair is no text" },
        { $$"""{"size":1,"classes":[{{Seeder}},{"name":"l","up":"1Mbit","behavior":"freerider"}]}""", "classes[1].behavior: 'freerider' is not known; did you mean 'free-rider'?" },
        { $$"""{"size":1,"classes":[{{Seeder}},{"name":"l","up":"1Mbit","zone":"mars"}]}""", "classes[1].zone: there is no zone 'mars'" },
        { $$"""{"size":1,"classes":[{{Seeder}},{"name":"l","up":"1Mbit","rackSize":4}]}""", "classes[1].rackSize: a rack needs a rackRate as well" },
        { $$"""{"size":1,"classes":[{{Seeder}},{"name":"l","up":"1Mbit","latency":"1h"}]}""", "classes[1].latency: must be from 0 to 1 minute" },
        { $$"""{"size":1,"classes":[{{Seeder}},{"name":"l","up":"1Mbit","joinWithin":"1s","arrivalsPerSecond":1}]}""", "classes[1].arrivalsPerSecond: and joinWithin cannot both be: either arrivals are random or evenly spread" },
        { $$"""{"size":1,"classes":[{{Seeder}},{{Leecher}},{{Leecher}}]}""", "classes[2].name: there are two classes 'l'" },
        { $$"""{"size":1,"classes":[{{Leecher}}]}""", "classes: no class has \"seeder\": true, so nobody has the content" },
        { $$"""{"size":1,"classes":[{{Seeder}}]}""", "classes: all are seeders: nobody wants the content" },
        { $$"""{"size":1,"classes":[{{Seeder}},{"name":"l","up":"1Mbit","behavior":"free-rider"},{"name":"m","up":"1Mbit","behavior":"liar"}]}""", "classes: no leecher is honest, so nobody's download is waited for" },
        { $$"""{"size":1,"classes":[{"name":"s","seeder":true,"up":"1Mbit","stay":"1s"},{{Leecher}}]}""", "classes[0].stay: seeders complete nothing; 'lifetime' says when they leave" },
        { $$"""{"size":1,"classes":[{{Seeder}},{"name":"l","up":"1Mbit","count":200000}]}""", "classes: there are 200,001 peers in all; at most 200,000 are simulated" },
        { $$"""{"size":"1GiB","pieceLength":"16KiB","classes":[{{Seeder}},{"name":"l","up":"1Mbit","count":20000}]}""", "classes: 20,001 peers with 65,536 pieces each are too much; at most 1,000,000,000 over all (longer pieces help)" },
        { $$"""{"size":"10GiB","pieceLength":"16KiB","classes":[{{Seeder}},{{Leecher}}]}""", "pieceLength: 16,384 bytes cut 10,737,418,240 into 655,360 pieces; at most 65,536 are simulated" },
        { $$"""{"size":1,"pieceLength":0,"classes":[{{Seeder}},{{Leecher}}]}""", "pieceLength: 0 is below 1, the least there may be" },
        { $$"""{"size":1,"pieceLength":"3GiB","classes":[{{Seeder}},{{Leecher}}]}""", "pieceLength: '3GiB' is too large" },
        { $$$"""{"size":1,"classes":[{{{Seeder}}},{{{Leecher}}}],"swarm":{"policy":"rarest"}}""", "swarm.policy: 'rarest' is not known; there are swarm, random, least-requested, least-uploaded, tracker-polled" },
        { $$$"""{"size":1,"classes":[{{{Seeder}}},{{{Leecher}}}],"swarm":{"connections":0}}""", "swarm.connections: 0 is below 1, the least there may be" },
        { $$$"""{"size":1,"classes":[{{{Seeder}}},{{{Leecher}}}],"tracker":{"interval":"1ms"}}""", "tracker.interval: must be at least 1s" },
        { $$"""{"size":1,"classes":[{{Seeder}},{{Leecher}}],"zones":[{"name":"a","up":"1bit"},{"name":"b","up":"1Mbit"}]}""", """zones[0].up: '1bit' is not a rate such as "100Mbit", "1Gbit" or "500MB/s" """ },
        { $$"""{"size":1,"classes":[{{Seeder}},{{Leecher}}],"zones":[{"name":"a","up":"1Mbit"},{"name":"a","up":"1Mbit"}]}""", "zones[1].name: there are two zones 'a'" },
        { $$"""{"size":1,"classes":[{{Seeder}},{{Leecher}}],"faults":[{"at":"1s"}]}""", "faults[0]: 'kind' is missing" },
        { $$"""{"size":1,"classes":[{{Seeder}},{{Leecher}}],"faults":[{"kind":"crash","at":"1s"}]}""", "faults[0].class: is missing: crash strikes peers of a class" },
        { $$"""{"size":1,"classes":[{{Seeder}},{{Leecher}}],"faults":[{"kind":"crash","at":"1s","class":"x"}]}""", "faults[0].class: there is no class 'x'" },
        { $$"""{"size":1,"classes":[{{Seeder}},{{Leecher}}],"faults":[{"kind":"crash","at":"1s","class":"l","count":2}]}""", "faults[0].count: 2 is above 1, the most there may be" },
        { $$"""{"size":1,"classes":[{{Seeder}},{{Leecher}}],"faults":[{"kind":"tracker-down","at":"1s"}]}""", "faults[0]: 'for' is missing: how long tracker-down lasts" },
        { $$"""{"size":1,"classes":[{{Seeder}},{{Leecher}}],"faults":[{"kind":"crash","at":"1s","for":"0s","class":"l"}]}""", "faults[0].for: must be above 0; a crash for ever has no 'for'" },
        { $$"""{"size":1,"classes":[{{Seeder}},{{Leecher}}],"faults":[{"kind":"tracker-down","at":"1s","for":"0s"}]}""", "faults[0].for: must be above 0; a crash for ever has no 'for'" },
        { $$"""{"size":1,"classes":[{{Seeder}},{{Leecher}}],"faults":[{"kind":"partition","at":"1s","for":"1s"}]}""", "faults[0].zone: is missing: partition cuts off a zone" },
        { $$"""{"size":1,"classes":[{{Seeder}},{{Leecher}}],"faults":[{"kind":"partition","at":"1s","for":"1s","zone":"x"}]}""", "faults[0].zone: there is no zone 'x'" },
        { $$$"""{"size":1,"classes":[{{{Seeder}}},{"name":"l","up":"1Mbit","stay":"1s"}],"swarm":{"policy":"random"}}""", "classes[1].stay: policy 'random' lets nobody leave before its end" },
    };

    [Theory]
    [MemberData(nameof(Wrong))]
    public void What_is_wrong_is_one_line_that_names_the_file_and_the_place(string json, string said)
    {
        var error = Assert.Throws<ScenarioException>(() => Read(json));
        Assert.Equal($"test.json: {said.TrimEnd()}", error.Message);
    }

    [Fact]
    public void A_file_that_begins_with_the_mark_of_UTF_8_is_read() =>
        Assert.Equal(1, Read($$"""{{'\uFEFF'}}{"size":1,"classes":[{{Seeder}},{{Leecher}}]}""").ContentLength);

    [Fact]
    public void Whatever_a_file_holds_the_answer_is_a_scenario_or_one_line()
    {
        var valid = Encoding.UTF8.GetBytes($$"""{"size":"1MiB","classes":[{{Seeder}},{{Leecher}}],"faults":[{"kind":"crash","at":"1s","class":"l"}]}""");
        for (var at = 0; at < valid.Length; at++)
        {
            foreach (var other in (byte[])[.. "\0\"{}[],:9-\\z"u8, 0xFF])
            {
                var broken = valid.ToArray();
                broken[at] = other;
                try
                {
                    ScenarioReader.Read(broken, "test.json");
                }
                catch (ScenarioException error)
                {
                    Assert.StartsWith("test.json: ", error.Message, StringComparison.Ordinal);
                    Assert.DoesNotContain(error.Message, char.IsControl);
                }
            }
        }
    }

    private static Scenario Read(string json) => ScenarioReader.Read(Encoding.UTF8.GetBytes(json), "test.json");
}
