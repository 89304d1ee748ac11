import Foundation
import Primitives
import Transport

/// A blocking client over one TCP connection that sends exactly the bytes it is told to.
final class RawClient: @unchecked Sendable {
    // Sendable: a test uses it from one task at a time.
    private let fd: Int32

    struct Failure: Error { let errno: Int32 }

    init(_ endpoint: Endpoint) throws {
        fd = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = endpoint.port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let code = unsafe withUnsafePointer(to: &address) {
            unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe Foundation.connect(fd, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard code == 0 else { throw Failure(errno: errno) }
        var limit = timeval(tv_sec: 10, tv_usec: 0)
        unsafe setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    }

    deinit { Foundation.close(fd) }

    func send(_ text: String) { send(Array(text.utf8)) }

    func send(_ bytes: [UInt8]) {
        unsafe bytes.withUnsafeBytes { _ = unsafe Foundation.send(fd, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
    }

    /// Ends our direction only.
    func endWriting() { shutdown(fd, Int32(SHUT_WR)) }

    /// Everything until the peer closes.
    func readToEnd() async throws -> String {
        try await pool.run { [self] in
            var all: [UInt8] = []
            while let piece = try receive(), !piece.isEmpty { all += piece }
            return String(decoding: all, as: UTF8.self)
        }
    }

    /// Reads until the text so far contains `mark`.
    func read(until mark: String) async throws -> String {
        try await pool.run { [self] in
            var all: [UInt8] = []
            while !String(decoding: all, as: UTF8.self).contains(mark), let piece = try receive(), !piece.isEmpty { all += piece }
            return String(decoding: all, as: UTF8.self)
        }
    }

    private func receive() throws -> [UInt8]? {
        var piece = [UInt8](repeating: 0, count: 65_536)
        let count = unsafe piece.withUnsafeMutableBytes { unsafe recv(fd, $0.baseAddress, $0.count, 0) }
        if count < 0 { throw Failure(errno: errno) }
        return Array(piece[..<count])
    }
}
