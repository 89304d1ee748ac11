/// libFuzzer's driver, which the sanitizer's runtime brings.
@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
    _ count: UnsafeMutablePointer<CInt>, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?>,
    _ test: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt

/// The package manager makes this symbol the program's `main`, so the one of libFuzzer is not linked.
@_cdecl("fuzz_http1_main")
func fuzzHTTP1(_ count: CInt, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?) -> CInt {
    var count = count
    var arguments = unsafe arguments
    return unsafe withUnsafeMutablePointer(to: &arguments) { raw in
        unsafe runDriver(&count, raw) { start, length in
            let bytes = unsafe Array(UnsafeBufferPointer(start: start, count: length))
            if let broken = RequestProperties.violation(by: bytes) { preconditionFailure(broken) }
            return 0
        }
    }
}
