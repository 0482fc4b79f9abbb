// Where the phone is, as a city. The position itself stays on the phone.

// cities are large cities of the railway: the name, latitude and longitude in degrees (WGS 84).
const cities = [
  ['北京', 39.90, 116.41], ['天津', 39.13, 117.20], ['石家庄', 38.04, 114.51], ['太原', 37.87, 112.55], ['呼和浩特', 40.84, 111.75],
  ['沈阳', 41.80, 123.43], ['大连', 38.91, 121.61], ['长春', 43.88, 125.32], ['哈尔滨', 45.75, 126.65], ['齐齐哈尔', 47.35, 123.92],
  ['上海', 31.23, 121.47], ['南京', 32.06, 118.80], ['苏州', 31.30, 120.58], ['徐州', 34.26, 117.19], ['杭州', 30.27, 120.15],
  ['宁波', 29.87, 121.54], ['温州', 28.00, 120.67], ['合肥', 31.82, 117.23], ['福州', 26.07, 119.30], ['厦门', 24.48, 118.09],
  ['南昌', 28.68, 115.86], ['济南', 36.65, 117.12], ['青岛', 36.07, 120.38], ['郑州', 34.75, 113.63], ['洛阳', 34.62, 112.45],
  ['武汉', 30.59, 114.31], ['长沙', 28.23, 112.94], ['广州', 23.13, 113.26], ['深圳', 22.54, 114.06], ['香港', 22.32, 114.17],
  ['南宁', 22.82, 108.37], ['桂林', 25.27, 110.29], ['海口', 20.04, 110.34], ['三亚', 18.25, 109.51], ['重庆', 29.56, 106.55],
  ['成都', 30.57, 104.07], ['贵阳', 26.65, 106.63], ['昆明', 25.04, 102.71], ['大理', 25.61, 100.27], ['拉萨', 29.65, 91.13],
  ['西安', 34.34, 108.94], ['兰州', 36.06, 103.83], ['西宁', 36.62, 101.78], ['银川', 38.49, 106.23], ['乌鲁木齐', 43.83, 87.62], ['喀什', 39.47, 75.99],
];

const radians = (degrees) => degrees * Math.PI / 180;

// nearness is the cosine of the angle between two places, as seen from the middle of the earth.
function nearness(lat1, lon1, lat2, lon2) {
  const a = radians(lat1), b = radians(lat2);
  return Math.sin(a) * Math.sin(b) + Math.cos(a) * Math.cos(b) * Math.cos(radians(lon1 - lon2));
}

// cityOf is the nearest of the cities.
export function cityOf(latitude, longitude) {
  let city = '', best = -2;
  for (const [name, lat, lon] of cities) {
    const near = nearness(latitude, longitude, lat, lon);
    if (near > best) [city, best] = [name, near];
  }
  return city;
}

// The reasons why there is no position, as the issuer has them.
const whyNot = { 1: 'refused', 2: 'unavailable', 3: 'timed_out' }; // GeolocationPositionError.code

// locate asks the phone where it is: {city}, or {no_city} with the reason.
export function locate() {
  if (!navigator.geolocation) return { no_city: 'unavailable' };
  return new Promise((done) => {
    navigator.geolocation.getCurrentPosition(
      ({ coords }) => done({ city: cityOf(coords.latitude, coords.longitude) }),
      (e) => done({ no_city: whyNot[e.code] ?? 'unavailable' }),
      { timeout: 8000, maximumAge: 600000 },
    );
  });
}

// pretend is what a bench's choice makes of it.
export const pretend = (choice) => (choice === 'granted' ? { city: cities[0][0] } : { no_city: choice });
