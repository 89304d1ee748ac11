import FuzzProperties
import Glibc

/// libFuzzer's driver, which the sanitizer's runtime brings.
@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
    _ count: UnsafeMutablePointer<CInt>, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?>,
    _ test: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt

/// Which parser this process fuzzes; set before the first input.
nonisolated(unsafe) private var target = FuzzTarget.http1

/// The package manager makes this symbol the program's `main`, so the one of libFuzzer is not linked.
@_cdecl("fuzz_main")
func fuzz(_ count: CInt, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?) -> CInt {
    guard let name = unsafe getenv("GATEHOUSE_FUZZ_TARGET"), let chosen = unsafe FuzzTarget(rawValue: String(cString: name)) else {
        print("GATEHOUSE_FUZZ_TARGET names no target; there are: \(FuzzTarget.allCases.map(\.rawValue).joined(separator: ", "))")
        return 64
    }
    unsafe target = chosen
    var count = count
    var arguments = unsafe arguments
    return unsafe withUnsafeMutablePointer(to: &arguments) { raw in
        unsafe runDriver(&count, raw) { start, length in
            let bytes = unsafe Array(UnsafeBufferPointer(start: start, count: length))
            if let broken = unsafe target.violation(by: bytes) { preconditionFailure(broken) }
            return 0
        }
    }
}
