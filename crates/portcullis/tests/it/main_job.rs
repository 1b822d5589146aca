//! The main job, as a person would do it.

use crate::house::process::Process;
use crate::house::run;

#[test]
fn serve_starts_and_stops() {
    run(async |house| {
        let database = house.database("serve").await;
        let server = Process::serve(&database, &[]).await;
        println!("ready after {:?}", server.ready_after);
        println!("{:?}", server.web(None).get("/health").await);
        assert!(server.stop().await.success());
    });
}
