import Primitives
import Testing

@testable import Qarnot

@Suite struct TaskReadingTests {
    @Test(
        arguments: [
            ("00:28:04", 1684), ("1.03:16:50.5000000", 98_210.5), ("00:00:00", 0), ("x", nil), ("1:2", nil), ("00:61:00", nil),
            ("-1:00:00", nil),
        ] as [(String, Double?)])
    func `a time span is read or refused`(_ text: String, _ seconds: Double?) {
        #expect(TaskReading.span(text) == seconds.map { .milliseconds(Int($0 * 1000)) })
    }

    @Test(arguments: TaskStatus.allStates)
    func `every state has one status`(_ state: String) {
        #expect(TaskStatus.allCases.filter { $0.states.contains(state) }.count == 1)
    }

    @Test(arguments: [("Failure", 100.0, 99.0), ("Success", 12, 100), ("FullyExecuting", 37.5, 37.5), ("Odd", -4, 0)])
    func `progress is whole only for success`(_ state: String, _ given: Double, _ shown: Double) {
        #expect(TaskReading(["uuid": "u", "state": .string(state), "progress": .double(given)]).progress == shown)
    }

    @Test func `never is null, and secret constants are masked again`() {
        let task = TaskReading([
            "endDate": "0001-01-01T00:00:00Z",
            "constants": [["key": "QARNOT_SECRET__A", "value": "v"], ["key": "A", "value": "v"]],
        ])
        #expect(
            task.json == [
                "endDate": nil, "constants": [["key": "QARNOT_SECRET__A", "value": "[SECRET]"], ["key": "A", "value": "v"]],
            ])
    }
}

@Suite struct ResultTests {
    @Test func `a key is replaced wherever it stands`() {
        let key = Secret("0123456789")
        let dirty: JSONValue = ["a 0123456789": ["x01234567890123456789y", 5, nil]]
        #expect(Redaction.clean(dirty, of: key) == ["a [REDACTED]": ["x[REDACTED][REDACTED]y", 5, nil]])
    }

    @Test func `a tail starts at a whole character`() {
        #expect(ResultSize.tail(Array("aé€".utf8), 4) == Array("€".utf8))
        #expect(ResultSize.tail(Array("aé€".utf8), 5) == Array("é€".utf8))
    }

    @Test(arguments: ["", "<a/>", "<ListBucketResult", "<ListBucketResult><Contents><Key>a</Key></Contents></ListBucketResult>"])
    func `what is no listing is refused`(_ text: String) {
        #expect(BucketListing(Array(text.utf8)) == nil)
    }

    @Test func `a listing is read with its entities and its encoding`() throws {
        let text =
            "<?xml version=\"1.0\"?><ListBucketResult xmlns=\"x\"><EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>"
            + "<Contents><Key>a%20b%26</Key><ETag>&quot;e&quot;</ETag><Size>3</Size></Contents></ListBucketResult>"
        let listing = try #require(BucketListing(Array(text.utf8)))
        #expect(
            listing.isTruncated && listing.files.map(\.key) == ["a b&"] && listing.files[0].etag == "e"
                && listing.files[0].size == 3)
    }
}
