import HTTP
import Primitives
import QarnotSimulator
import Testing

@Suite struct StorageTests {
    /// The time a recorded request was signed at.
    private static func signed(_ request: Request) -> Timestamp? {
        guard let text = request.fields[FieldName("x-amz-date")] else { return nil }
        let c = Array(text)
        return Timestamp(
            rfc3339:
                "\(String(c[0..<4]))-\(String(c[4..<6]))-\(String(c[6..<8]))T\(String(c[9..<11])):\(String(c[11..<13])):\(String(c[13..<15]))Z"
        )
    }

    @Test(
        arguments: [
            ("007", 200), ("008", 404), ("009", 200), ("010", 404), ("012", 404), ("013", 404), ("014", 404), ("015", 404),
            ("080", 404), ("083", 404), ("084", 404), ("086", 404), ("087", 404), ("089", 404),
        ] as [(String, UInt16)])
    func `recorded signatures of the official SDK hold`(_ name: String, _ status: UInt16) async throws {
        let recording = try Recording.load(name)
        let fixture = SimulatorFixture()
        fixture.clock.set(try #require(Self.signed(recording.request)))
        #expect(await fixture.storage(recording.request).status == status)
    }

    @Test(arguments: ["007", "009", "012", "083"])
    func `a signature does not hold for anything else`(_ name: String) async throws {
        let recording = try Recording.load(name)
        let fixture = SimulatorFixture()
        fixture.clock.set(try #require(Self.signed(recording.request)))
        var other = recording.request
        other.path += "x"
        #expect(await fixture.storage(other).text.contains("<Code>SignatureDoesNotMatch</Code>"))
        other = recording.request
        other.fields.set(.host, "elsewhere")
        #expect(await fixture.storage(other).status == 403)
        other = recording.request
        other.body = [1]
        #expect(await fixture.storage(other).status == 400)
        fixture.clock.advance(.seconds(901))
        #expect(await fixture.storage(recording.request).text.contains("RequestTimeTooSkewed"))
    }

    @Test func `the older query signature of presigned URLs holds until it expires`() async throws {
        let recording = try Recording.load("027")
        let fixture = SimulatorFixture()
        #expect(await fixture.storage(recording.request).status == 404)
        fixture.clock.set(Timestamp(seconds: 1_795_204_059))
        #expect(await fixture.storage(recording.request).status == 403)
    }

    @Test func `without a signature nothing is told`() async {
        let reply = await SimulatorFixture().storage(SimulatorFixture.request(.get, "/bucket"))
        #expect(reply.status == 403 && reply.text.contains("<Code>AccessDenied</Code>"))
    }
}
