internal import COpenSSL

/// A buffer that OpenSSL reads PEM from and writes it to. Cleared when freed.
@safe struct MemoryBIO: ~Copyable {
    let pointer: OpaquePointer

    init() throws(CryptoError) {
        guard let pointer = unsafe BIO_new(BIO_s_secmem()) else { throw .raised(.failed) }
        unsafe self.pointer = pointer
    }

    static func holding(_ bytes: [UInt8]) throws(CryptoError) -> MemoryBIO {
        let memory = try MemoryBIO()
        guard let count = CInt(exactly: bytes.count), unsafe BIO_write(memory.pointer, bytes, count) == count else {
            throw .raised(.malformed)
        }
        return memory
    }

    deinit { unsafe BIO_free(pointer) }

    /// What was written, taken out.
    borrowing func contents() -> [UInt8] {
        let count = unsafe BIO_ctrl_pending(pointer)
        return unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            filled = unsafe max(0, Int(BIO_read(pointer, buffer.baseAddress, CInt(count))))
        }
    }
}
