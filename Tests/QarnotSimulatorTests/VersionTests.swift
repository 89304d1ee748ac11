import HTTP
import Primitives
import QarnotSimulator
import Testing

@Suite struct VersionTests {
    private static let enable = Array(
        "<VersioningConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Status>Enabled</Status></VersioningConfiguration>"
            .utf8)
    private static let id = FieldName("x-amz-version-id")

    private func bucket() async -> Replayer {
        let client = Replayer()
        _ = await client.storage(.put, "/versioned")
        _ = await client.storage(.put, "/versioned/k", Array("zero".utf8))
        #expect(await client.storage(.put, "/versioned?versioning=", Self.enable).status == 200)
        return client
    }

    @Test func `what was there before versions is the version null`() async {
        let client = await bucket()
        #expect(await client.storage(.get, "/versioned?versioning=").text.contains("<Status>Enabled</Status>"))
        #expect(await client.storage(.get, "/versioned/k?versionId=null").text == "zero")
    }

    @Test func `old versions stay readable under a delete marker`() async {
        let client = await bucket()
        let one = await client.storage(.put, "/versioned/k", Array("one".utf8)).fields[Self.id] ?? ""
        let two = await client.storage(.put, "/versioned/k", Array("two".utf8)).fields[Self.id] ?? ""
        #expect(one != two && one.count == 32)
        #expect(await client.storage(.get, "/versioned/k").text == "two")
        #expect(await client.storage(.get, "/versioned/k?versionId=\(one)").text == "one")
        let marker = await client.storage(.delete, "/versioned/k")
        #expect(marker.fields[FieldName("x-amz-delete-marker")] == "true")
        #expect(await client.storage(.get, "/versioned/k").status == 404)
        #expect(await client.storage(.get, "/versioned/k?versionId=\(two)").text == "two")
        let listing = await client.storage(.get, "/versioned?versions=").text
        #expect(listing.matches(of: /<Version>/).count == 3 && listing.matches(of: /<DeleteMarker>/).count == 1)
        _ = await client.storage(.delete, "/versioned/k?versionId=\(marker.fields[Self.id] ?? "")")
        #expect(await client.storage(.get, "/versioned/k").text == "two")
    }

    @Test func `a bucket with nothing but old versions is not empty`() async {
        let client = await bucket()
        _ = await client.storage(.delete, "/versioned/k")
        #expect(await client.storage(.delete, "/versioned").status == 409)
        let listing = await client.storage(.get, "/versioned?versions=").text
        for match in listing.matches(of: /<VersionId>([a-z0-9]+)<\/VersionId>/) {
            _ = await client.storage(.delete, "/versioned/k?versionId=\(match.1)")
        }
        #expect(await client.storage(.delete, "/versioned").status == 204)
    }
}
