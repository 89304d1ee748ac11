import Everything
import Glibc
import Primitives

// The main thread waits, rather than `await` here: that would have Dispatch end it, which profilers do not survive.
let code = Monitor<Int32?>(nil)
let words = CommandLine.arguments
// Awaited by the line below.
Task { @concurrent in
    let result = await EverythingCommand.run(words)
    code.update { $0 = result }
}
exit(code.wait { $0 })
