internal import HTTP
internal import Primitives

/// Path-style S3 over the buckets of the signer (qarnot-api.md §6).
struct StorageResponder: Responder {
    let world: World

    func bodyLimit(for request: Request) -> Int { world.limits.objectBytes }

    func respond(to request: Request, in context: RequestContext) async -> Response {
        let call = StorageCall(request)
        let signer = call.flatMap(SignedRequest.init)
        return await world.serve(.storage, request, account: signer?.accessKey) {
            do throws(StorageError) {
                guard let call else { throw .invalidRequest }
                return try answer(call, signer)
            } catch {
                return error.response(for: request.method)
            }
        }
    }

    private func answer(_ call: StorageCall, _ signer: SignedRequest?) throws(StorageError) -> Response {
        guard let signer else { throw .accessDenied }
        let tokens = world.tokens(email: signer.accessKey)
        guard !tokens.isEmpty else { throw StorageError(403, "InvalidAccessKeyId") }
        try verify(signer, tokens)
        let response = world.withAccount(email: signer.accessKey) { account, moment in
            do throws(StorageError) {
                return try account.answer(call, moment)
            } catch {
                return error.response(for: call.method)
            }
        }
        guard let response else { throw .accessDenied }
        return response
    }

    /// Holds when it holds under one of the account's secrets.
    private func verify(_ signer: SignedRequest, _ tokens: [String]) throws(StorageError) {
        var failure = StorageError.signatureDoesNotMatch
        for token in tokens {
            do throws(StorageError) {
                return try signer.verify(secret: Secret(token), at: world.now())
            } catch { failure = error }
        }
        throw failure
    }
}

/// One storage request, decoded: bucket, key and query.
struct StorageCall: Sendable {
    let request: Request
    /// Empty for the list of buckets.
    let bucket: String
    /// Empty for the bucket itself.
    let key: String
    let query: [(name: String, value: String)]

    /// Nil when an escape is malformed.
    init?(_ request: Request) {
        guard let path = PercentEncoding.decode(request.path.utf8), path.hasPrefix("/"),
            let query = QueryString.parse(request.query ?? "")
        else { return nil }
        let name = path.dropFirst()
        let slash = name.firstIndex(of: "/") ?? name.endIndex
        self.request = request
        self.query = query
        bucket = String(name[..<slash])
        key = String(name[slash...].dropFirst())
    }

    var method: Method { request.method }

    func has(_ name: String) -> Bool { query.contains { $0.name == name } }
    subscript(name: String) -> String? { query.first { $0.name == name }?.value }
}
