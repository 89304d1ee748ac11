import Testing
import Transport

@Suite struct EndpointTests {
    @Test(arguments: ["127.0.0.1:8443", "0.0.0.0:0", "[::1]:9443", "[::]:65535"])
    func `an address with a port keeps its spelling`(_ text: String) {
        #expect(Endpoint(text)?.description == text)
    }

    @Test(arguments: ["", "127.0.0.1", "127.0.0.1:", "localhost:80", "::1:80", "[127.0.0.1]:80", "1.2.3.4:65536", ":80"])
    func `anything else is refused`(_ text: String) {
        #expect(Endpoint(text) == nil)
    }
}
