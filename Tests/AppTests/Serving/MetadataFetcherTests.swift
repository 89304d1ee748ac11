import Client
import Policy
import Primitives
import Testing

@testable import App

@Suite struct MetadataFetcherTests {
    private func admitted(_ quota: Quota?) -> Int {
        let limiter = MetadataFetcher.limiter(quota)
        return (0..<50).count { _ in limiter.admit("client.example", at: MonotonicTime(nanoseconds: 1)) }
    }

    @Test func `fetches from one host follow limits.endpoints.client_metadata (CIMD-4)`() {
        #expect(admitted(Configuration.Limits().clientMetadata) == 3)
        #expect(admitted(Quota(rate: 60, window: .seconds(60), burst: 7)) == 7)
        #expect(admitted(nil) == 50)
    }
}
