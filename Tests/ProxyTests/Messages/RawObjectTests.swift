import Primitives
import Proxy
import Testing

@Suite struct RawObjectTests {
    @Test func `what is not touched keeps its bytes`() throws {
        let text = #"{"n":1.0e0,"s":"\u0041\/","o":{ "b" : 1 },"last":null}"#
        var object = RawObject(try JSONDocument(parsing: Array(text.utf8)).root)
        object["s"] = nil
        object.set("new", "value")
        #expect(String(decoding: object.serialized, as: UTF8.self) == #"{"n":1.0e0,"o":{ "b" : 1 },"last":null,"new":"value"}"#)
    }

    @Test func `messages are built around raw parts`() {
        let request = RawMessage.request(id: Array("7".utf8), method: "a\"b", params: Array("{}".utf8))
        #expect(String(decoding: request, as: UTF8.self) == #"{"jsonrpc":"2.0","id":7,"method":"a\"b","params":{}}"#)
        let response = RawMessage.response(id: Array("\"x\"".utf8), "error", Array("{\"code\":1}".utf8))
        #expect(String(decoding: response, as: UTF8.self) == #"{"jsonrpc":"2.0","id":"x","error":{"code":1}}"#)
    }
}
