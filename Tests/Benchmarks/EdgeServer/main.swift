EdgeServer.run()
