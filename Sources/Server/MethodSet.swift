package import HTTP

/// Some of the request methods.
package struct MethodSet: OptionSet, Sendable, CustomStringConvertible {
    package let rawValue: UInt8

    package init(rawValue: UInt8) { self.rawValue = rawValue }

    package static let get = MethodSet(rawValue: 1)
    package static let head = MethodSet(rawValue: 2)
    package static let post = MethodSet(rawValue: 4)
    package static let put = MethodSet(rawValue: 8)
    package static let patch = MethodSet(rawValue: 16)
    package static let delete = MethodSet(rawValue: 32)
    package static let options = MethodSet(rawValue: 64)
    package static let all = MethodSet(rawValue: 127)

    package init(_ method: Method) {
        switch method {
        case .get: self = .get
        case .head: self = .head
        case .post: self = .post
        case .put: self = .put
        case .patch: self = .patch
        case .delete: self = .delete
        case .options: self = .options
        }
    }

    /// Whoever answers GET answers HEAD: the connection leaves the body out.
    var includingHead: MethodSet { contains(.get) ? union(.head) : self }

    /// The names as `Allow` lists them.
    package var description: String {
        [Method.get, .head, .post, .put, .patch, .delete, .options]
            .filter { contains(MethodSet($0)) }.map(\.rawValue).joined(separator: ", ")
    }
}
