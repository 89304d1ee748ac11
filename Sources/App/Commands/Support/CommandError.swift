/// Why a command ended without doing what was asked: one sentence that says what to do next, and the exit code of contract §6.
struct CommandError: Error {
    enum Code: Int32 {
        /// The answer is no.
        case no = 1
        case usage = 64
        case unavailable = 69
        case software = 70
        case cannotCreate = 73
        case cannotWrite = 74
        case notPermitted = 77
        case configuration = 78
    }

    let code: Code
    let message: String

    init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }
}
