import HTTP
import Primitives
import Testing

@Suite struct HTTPDateTests {
    @Test func `the example of RFC 9110 §5.6.7 comes out as printed there`() {
        #expect(
            String(decoding: HTTPDate.format(Timestamp(seconds: 784_111_777)), as: UTF8.self) == "Sun, 06 Nov 1994 08:49:37 GMT")
    }
}
