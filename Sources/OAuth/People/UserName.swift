/// What an account may be called.
package enum UserName {
    /// 1 to 64 characters of `a-z 0-9 . _ @ -`.
    package static func isAcceptable(_ name: String) -> Bool {
        (1...64).contains(name.utf8.count)
            && name.utf8.allSatisfy { byte in
                (0x61...0x7A).contains(byte) || (0x30...0x39).contains(byte) || "._@-".utf8.contains(byte)
            }
    }
}
