// Runs inside the watch page: notes how its player goes. Plain JavaScript for the browser; browser.ts puts it there.
// @ts-nocheck the checkout is typed for Node.js, without the DOM.
globalThis.headendWatcher = {
  errors: [],

  /** Begins to note what hls.js reports. */
  listen() {
    window.headendPlayer.hls.on(
      'hlsError',
      (_event, { type, details, fatal, error, sourceBufferName }) => {
        const cause =
          type === 'mediaError' ? ` ${sourceBufferName}: ${error?.name} ${error?.message}` : '';
        this.errors.push(`${fatal ? 'fatal ' : ''}${type} ${details}${cause}`);
      },
    );
  },

  plays(channel) {
    const player = window.headendPlayer;
    return (
      player.channel === channel && player.video.readyState >= 3 && player.video.currentTime > 0
    );
  },

  /** Samples currentTime every 250 ms and the picture every second. */
  async watch(seconds) {
    const { video } = window.headendPlayer;
    const canvas = document.createElement('canvas');
    canvas.width = 320;
    canvas.height = 180;
    const context = canvas.getContext('2d', { willReadFrequently: true });
    const samples = [];
    const pictures = [];
    let waits = 0;
    const onWaiting = () => {
      waits += 1;
    };
    video.addEventListener('waiting', onWaiting);
    const begin = performance.now();
    for (let tick = 0; performance.now() - begin < seconds * 1000; tick += 1) {
      samples.push({ at: performance.now() - begin, time: video.currentTime });
      if (tick % 4 === 0) pictures.push(this.luma(context, video));
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
    video.removeEventListener('waiting', onWaiting);
    const { videoWidth: width, videoHeight: height } = video;
    const { latency } = window.headendPlayer.hls;
    const { droppedVideoFrames: dropped } = video.getVideoPlaybackQuality();
    return { samples, waits, errors: this.errors, pictures, width, height, latency, dropped };
  },

  // In Base64: an array of numbers would hold up the page for seconds on its way out of the browser.
  luma(context, video) {
    context.drawImage(video, 0, 0, 320, 180);
    const { data } = context.getImageData(0, 0, 320, 180);
    let luma = '';
    for (let at = 0; at < data.length; at += 4) {
      const value = 0.2126 * data[at] + 0.7152 * data[at + 1] + 0.0722 * data[at + 2];
      luma += String.fromCharCode(Math.round(value));
    }
    return btoa(luma);
  },
};
