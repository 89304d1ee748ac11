internal import Crypto
package import HTTP
package import Primitives

/// The passkeys of users: registering them, and signing in with one as second factor or as the only one (MFA-2).
package struct Passkeys: Sendable {
    /// More are refused.
    package static let maximumPerUser = 10
    /// In characters.
    static let maximumName = 40

    private let store: any PasskeyStore
    private let users: any UserStore
    private let singleUses: any SingleUseStore
    private let hasher: TokenHasher
    private let security: BrowserSecurity
    private let party: RelyingParty

    /// Nil where browsers make no passkeys: the public URL names an address.
    package init?(
        store: any PasskeyStore, users: any UserStore, singleUses: any SingleUseStore, hasher: TokenHasher,
        security: BrowserSecurity, issuer: String
    ) {
        guard let party = RelyingParty(issuer: issuer) else { return nil }
        self.store = store
        self.users = users
        self.singleUses = singleUses
        self.hasher = hasher
        self.security = security
        self.party = party
    }

    package func list(of user: User) async throws(StoreError) -> [Passkey] { try await store.passkeys(of: user.id) }

    /// False when the user has none of that id.
    package func remove(id: String, of user: User) async throws(StoreError) -> Bool {
        try await store.remove(id: id, of: user.id)
    }

    package enum Outcome: Sendable {
        case verified(User, [AuthenticationMethods.Method])
        case refused(PasskeyFault, Event)
    }
}

// MARK: - Asking

extension Passkeys {
    /// For a person not known yet: any passkey of this site, if it checks who they are.
    func signInPrompt(transaction: String, browser: TokenDigest, at now: Timestamp) -> PasskeyPrompt {
        prompt(.signIn, transaction, browser, [], isVerificationRequired: true, at: now)
    }

    /// For `/login` outside of an authorization; nil before the browser has its cookie.
    package func signInPrompt(_ request: Request, cookie: String?, at now: Timestamp) -> PasskeyPrompt? {
        browser(request, cookie).map { signInPrompt(transaction: "", browser: $0, at: now) }
    }

    /// After the password; nil when the user has none.
    func factorPrompt(
        _ subject: String, of user: UserID, browser: TokenDigest, at now: Timestamp
    ) async throws(StoreError) -> PasskeyPrompt? {
        let passkeys = try await store.passkeys(of: user)
        return passkeys.isEmpty ? nil : prompt(.secondFactor, subject, browser, passkeys.map(\.credentialID), at: now)
    }

    /// For a change a signed-in person has to stand up for again; nil when they have none.
    package func confirmationPrompt(
        for action: String, of user: User, _ request: Request, at now: Timestamp
    ) async throws(StoreError) -> PasskeyPrompt? {
        guard let browser = browser(request, nil) else { return nil }
        let passkeys = try await store.passkeys(of: user.id)
        let subject = Self.confirmation(action, user)
        return passkeys.isEmpty ? nil : prompt(.confirmation, subject, browser, passkeys.map(\.credentialID), at: now)
    }

    /// For a new passkey, with the handle it is made for; nil without the browser's cookie.
    package func registrationPrompt(
        of user: User, _ request: Request, at now: Timestamp
    ) async throws(StoreError) -> (prompt: PasskeyPrompt, handle: String)? {
        guard let browser = browser(request, nil) else { return nil }
        let handle = try await store.handle(of: user.id, fresh: Random.bytes(64))
        let present = try await store.passkeys(of: user.id)
        return (prompt(.registration, user.id.text, browser, present.map(\.credentialID), at: now), Base64.encode(handle))
    }

    private static func confirmation(_ action: String, _ user: User) -> String { "\(action)\u{0}\(user.id.text)" }

    private func prompt(
        _ purpose: PasskeyTicket.Purpose, _ subject: String, _ browser: TokenDigest, _ credentials: [[UInt8]],
        isVerificationRequired: Bool = false, at now: Timestamp
    ) -> PasskeyPrompt {
        let ticket = PasskeyTicket.fresh(purpose, subject, browser, security, at: now)
        return PasskeyPrompt(
            challenge: ticket.challenge, ticket: ticket.text, relyingPartyID: party.id,
            credentials: credentials.map { Base64.encode($0) }, isVerificationRequired: isVerificationRequired)
    }

    /// - Parameter cookie: the `Set-Cookie` value the same answer carries, when the browser had none.
    private func browser(_ request: Request, _ cookie: String?) -> TokenDigest? {
        if let known = security.cookieDigest(BrowserSecurity.browserCookie, request) { return known }
        guard let pair = cookie?.split(separator: ";").first, let value = pair.split(separator: "=").last else { return nil }
        return hasher.digest(of: String(value))
    }
}

// MARK: - Judging

extension Passkeys {
    /// Whether a form brings the answer of an authenticator: what only the script puts into it.
    package static func isAnswer(_ form: Parameters) -> Bool { form.contains("passkey_client_data") }

    /// As the only factor: the passkey says who it is, and checked that it is them.
    func signIn(_ form: Parameters, transaction: String, browser: TokenDigest?, at now: Timestamp) async throws(StoreError)
        -> Outcome
    {
        try await judge(form, .signIn, transaction, nil, browser, at: now)
    }

    /// As second factor of that user.
    func verify(
        _ form: Parameters, of user: User, subject: String, browser: TokenDigest?, at now: Timestamp
    ) async throws(StoreError) -> Outcome {
        try await judge(form, .secondFactor, subject, user, browser, at: now)
    }

    /// As proof that the signed-in person is still the one at the browser.
    package func confirm(
        _ form: Parameters, _ action: String, of user: User, _ request: Request, at now: Timestamp
    ) async throws(StoreError) -> Outcome {
        try await judge(form, .confirmation, Self.confirmation(action, user), user, browser(request, nil), at: now)
    }

    private func judge(
        _ form: Parameters, _ purpose: PasskeyTicket.Purpose, _ subject: String, _ user: User?, _ browser: TokenDigest?,
        at now: Timestamp
    ) async throws(StoreError) -> Outcome {
        var owner = user
        do {
            let answer = try AssertionAnswer(form)
            try await claim(party.challenge(of: answer), form, purpose, subject, browser, at: now)
            guard let passkey = try await store.passkey(answer.credentialID) else { throw PasskeyFault.unknown }
            owner = try await findOwner(of: passkey, answer, user)
            guard let owner else { throw PasskeyFault.unknown }
            let data = try party.assert(answer, by: passkey, isVerificationRequired: purpose == .signIn)
            let isNewer = try await store.use(
                passkey.credentialID, counter: data.counter, isBackedUp: data.flags.contains(.backedUp), at: now)
            guard isNewer else { throw PasskeyFault.counter }
            return .verified(owner, AuthenticationMethods.passkey(data))
        } catch let fault as PasskeyFault {
            return .refused(fault, Self.event(fault, purpose, owner))
        } catch let error as StoreError {
            throw error
        } catch { throw StoreError(.internalError, "an unexpected error") }
    }

    /// The challenge is ours, this browser's, and used now for the first time.
    private func claim(
        _ challenge: String, _ form: Parameters, _ purpose: PasskeyTicket.Purpose, _ subject: String, _ browser: TokenDigest?,
        at now: Timestamp
    ) async throws {
        guard let browser,
            let ticket = PasskeyTicket.check(
                form.all("passkey_ticket").first, purpose, subject, browser, security, at: now),
            ConstantTime.equal(Array(ticket.challenge.utf8), Array(challenge.utf8))
        else { throw PasskeyFault.challenge }
        let isFirst = try await singleUses.claim(
            hasher.digest(of: "passkey challenge " + challenge), until: ticket.issuedAt + PasskeyTicket.lifetime + .seconds(1),
            at: now)
        guard isFirst else { throw PasskeyFault.challenge }
    }

    /// WebAuthn level 3 §7.2 step 6: the passkey is that user's; where nobody is known yet, the handle must name its owner.
    private func findOwner(of passkey: Passkey, _ answer: AssertionAnswer, _ user: User?) async throws -> User? {
        if let user { guard passkey.userID == user.id else { return nil } }
        if user == nil || !answer.userHandle.isEmpty {
            guard try await store.user(ofHandle: answer.userHandle) == passkey.userID else { return nil }
        }
        guard let owner = try await users.user(passkey.userID), !owner.isDisabled else { return nil }
        return owner
    }

    private static func event(_ fault: PasskeyFault, _ purpose: PasskeyTicket.Purpose, _ user: User?) -> Event {
        switch fault {
        case .counter, .backup:
            Event(
                "auth.session.anomaly", .denied, severity: .critical, reason: fault.rawValue, subject: user?.name,
                details: [("what", .string(fault == .counter ? "passkey counter went back" : "passkey changed its kind"))])
        default:
            Event(
                purpose == .signIn ? "auth.login" : "auth.mfa.challenge", .failure, severity: .warning, reason: fault.rawValue,
                subject: user?.name, details: [(purpose == .signIn ? "method" : "factor", "passkey")])
        }
    }
}

// MARK: - Registering

extension Passkeys {
    package enum Registration: Sendable {
        /// A credential that may be stored, under the name the person gave.
        case good(NewCredential, name: String)
        case refused(PasskeyFault)
    }

    /// Judges a registration's answer, and uses its challenge up.
    package func registration(
        _ form: Parameters, of user: User, _ request: Request, at now: Timestamp
    ) async throws(StoreError) -> Registration {
        do {
            let (credential, challenge) = try party.register(RegistrationAnswer(form))
            try await claim(challenge, form, .registration, user.id.text, browser(request, nil), at: now)
            return .good(credential, name: Self.name(form))
        } catch let fault as PasskeyFault {
            return .refused(fault)
        } catch let error as StoreError {
            throw error
        } catch { throw StoreError(.internalError, "an unexpected error") }
    }

    /// Stores it. With the first factor of a user come recovery codes.
    /// - Returns: the new recovery codes, or none; a fault when the id is taken or the user has too many.
    package func add(
        _ credential: NewCredential, name: String, of user: User, at now: Timestamp
    ) async throws(StoreError) -> Result<[String], PasskeyFault> {
        let codes = (0..<SecondFactor.recoveryCodeCount).map { _ in RecoveryCode.fresh() }
        do throws(StoreError) {
            let areTaken = try await store.insert(
                credential, id: "p" + Random.text(21), name: name, of: user.id, limit: Self.maximumPerUser,
                recoveryCodes: codes.map { RecoveryCode.digest($0, hasher) }, at: now)
            guard let areTaken else { return .failure(.tooMany) }
            return .success(areTaken ? codes : [])
        } catch {
            guard error.code == .conflict else { throw error }
            return .failure(.taken)
        }
    }

    /// What the person called it, cut short; a passkey is never without a name.
    private static func name(_ form: Parameters) -> String {
        let typed = form.all("name").first?.split(separator: " ").joined(separator: " ") ?? ""
        return typed.isEmpty ? "Passkey" : String(typed.prefix(maximumName))
    }
}

extension RegistrationAnswer {
    /// - Throws: `.malformed`.
    init(_ form: Parameters) throws(PasskeyFault) {
        self.init(clientData: try form.decoded("passkey_client_data"), attestation: try form.decoded("passkey_attestation"))
    }
}

extension AssertionAnswer {
    /// - Throws: `.malformed`.
    init(_ form: Parameters) throws(PasskeyFault) {
        self.init(
            credentialID: try form.decoded("passkey_id"), clientData: try form.decoded("passkey_client_data"),
            authenticatorData: try form.decoded("passkey_authenticator_data"), signature: try form.decoded("passkey_signature"),
            userHandle: form.contains("passkey_user") ? try form.decoded("passkey_user") : [])
    }
}

extension Parameters {
    fileprivate func decoded(_ name: String) throws(PasskeyFault) -> [UInt8] {
        let values = all(name)
        guard values.count == 1, let bytes = Base64.decode(values[0]), !bytes.isEmpty else { throw .malformed }
        return bytes
    }
}
